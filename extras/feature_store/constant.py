"""The limit of predictions by key: FastAPI validates the same bodies and answers a constant of the same form."""

import sys

import uvicorn
from fastapi import FastAPI

from flights.extras.feature_views.views import VIEWS
from serving.extras.by_key.bodies import AnswerByKey, AnswersByKey, Key, Keys, ViewState

ANSWER = AnswerByKey(
    request_id="2013-11-01-UA-523-EWR:20131101T2300Z",
    probability=0.29378698896312594,
    alert=True,
    threshold=0.18158374914295353,
    model_version=1,
    served_by="champion",
    tick="2013-11-01T23:00Z",
    views={view.name: ViewState(state="found", age_minutes=0) for view in VIEWS},
)


def constant() -> FastAPI:
    """The application."""
    app = FastAPI()

    @app.post("/predict/by-key")
    async def predict(key: Key) -> AnswerByKey:
        return ANSWER

    @app.post("/predict/by-key/batch")
    async def predict_batch(keys: Keys) -> AnswersByKey:
        return AnswersByKey(predictions=[ANSWER] * len(keys.keys))

    return app


if __name__ == "__main__":
    uvicorn.run(
        constant(), port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
