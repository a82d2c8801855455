"""What the service is measured against: an endpoint that does nothing, and one as tutorials write it."""

import sys

import uvicorn
from fastapi import FastAPI

from serving.answer import Answer, Answers
from serving.request import Flight, Flights

ANSWER = Answer(request_id="x", probability=0.5, alert=True, threshold=0.3, model_version=1, served_by="champion")


def constant() -> FastAPI:
    """The limit: FastAPI validates the same bodies and answers a constant."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(flight: Flight) -> Answer:
        return ANSWER

    @app.post("/predict/batch")
    async def predict_batch(flights: Flights) -> Answers:
        return Answers(predictions=[ANSWER] * len(flights.flights))

    return app


def tutorial(model_file: str) -> FastAPI:
    """The tutorials' way: a DataFrame of one row into the scikit-learn pipeline; nothing is logged."""
    import pandas as pd
    import skops.io

    from flights.contract import as_arrays
    from flights.dataset import EVENT_TIME
    from flights.feature_set import build_features
    from flights.model import TRUSTED_TYPES

    pipeline = skops.io.load(model_file, trusted=TRUSTED_TYPES)
    app = FastAPI()

    def answers(rows: list[dict]) -> list[Answer]:
        frame = pd.DataFrame(rows)
        frame[EVENT_TIME] = pd.to_datetime(frame[EVENT_TIME], utc=True).astype("datetime64[us, UTC]")
        features = pd.DataFrame(build_features(as_arrays(frame)))
        return [
            ANSWER.model_copy(update={"probability": float(probability)})
            for probability in pipeline.predict_proba(features)[:, 1]
        ]

    @app.post("/predict")
    def predict(flight: Flight) -> Answer:
        return answers([flight.model_dump()])[0]

    @app.post("/predict/batch")
    def predict_batch(flights: Flights) -> Answers:
        return Answers(predictions=answers([flight.model_dump() for flight in flights.flights]))

    return app


if __name__ == "__main__":
    port, name, *arguments = sys.argv[1:]
    app = {"constant": constant, "tutorial": tutorial}[name](*arguments)
    uvicorn.run(app, port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="warning")
