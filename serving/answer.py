"""What the service answers to a body: predictions and receipts. Refusals are in `refusal.py`.

The routes are registered with FastAPI for its documentation, and with the fast path for their work.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter

from flights.batch import Batch
from flights.dataset import QUESTION, ROWS
from flights.predictions import Outcome, Prediction, timestamp
from serving.fast_path import Endpoint
from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from serving.refusal import log_unavailable, problems
from serving.request import MAX_ROWS, Flight, Flights, Outcomes, example
from serving.scorer import Scorer
from serving.service import Service


class Answer(BaseModel):
    """One prediction."""

    request_id: str = Field(description="Names this prediction: its outcome is reported under this name.")
    probability: float = Field(description=f"The probability that answers: {QUESTION}", ge=0, le=1)
    alert: bool = Field(description="Whether the probability reaches the threshold.")
    threshold: float = Field(description="Decision threshold of the model that answered.")
    model_version: int = Field(description="Version of the model that answered; 0 is the heuristic.")
    served_by: str = Field(description="champion, canary or heuristic.")


class Answers(BaseModel):
    """One prediction for each flight, in their order."""

    predictions: list[Answer]


class Receipt(BaseModel):
    """What became of reported outcomes."""

    accepted: int = Field(description="Outcomes that are new.")
    repeated: int = Field(description="Outcomes that were reported before, word for word.")
    unknown: int = Field(description="Accepted outcomes without a logged prediction, so far.")


ANSWER_JSON, ANSWERS_JSON, RECEIPT_JSON = (TypeAdapter(model).serializer for model in (Answer, Answers, Receipt))


class Endpoints:
    """The functions behind the routes that take a body; each returns its answer as JSON."""

    def __init__(self, scorer: Scorer, log: PredictionLog):
        self._scorer, self._log = scorer, log

    async def predict(self, flight: Flight) -> bytes:
        """Predict one flight; the answer is in the log before it leaves."""
        logged = await self._scorer.predictions([flight])
        assert isinstance(logged, list)  # noqa: S101 - only many flights are a batch
        return ANSWER_JSON.to_json(answer(logged[0]))

    async def predict_batch(self, flights: Flights) -> bytes:
        """Predict several flights, all or none."""
        logged = await self._scorer.predictions(flights.flights)
        if isinstance(logged, Batch):
            return batch_json(logged)
        return ANSWERS_JSON.to_json(Answers(predictions=[answer(prediction) for prediction in logged]))

    async def outcomes(self, outcomes: Outcomes) -> bytes:
        """Take outcomes as they come: late, twice, out of order, of unknown predictions; the latest known counts."""
        now = datetime.now(UTC)
        rows = [
            Outcome(one.request_id, timestamp(one.known_at), one.value, timestamp(now + timedelta(microseconds=place)))
            for place, one in enumerate(outcomes.outcomes)
        ]
        try:
            repeated, unknown = await self._scorer.log_thread.run(self._log.write_outcomes, rows)
        except LogUnavailable:
            raise log_unavailable() from None
        for observer in self._scorer.observers:
            observer.outcomes(len(rows) - repeated)
        return RECEIPT_JSON.to_json(Receipt(accepted=len(rows) - repeated, repeated=repeated, unknown=unknown))


def batch_json(batch: Batch) -> bytes:
    """Write the `Answers` to a batch, in a third of the time that its objects would take."""
    common = f'"threshold":{batch.threshold!r},"model_version":{batch.model_version},"served_by":"{batch.served_by}"'
    rows = [
        f'{{"request_id":"{name}","probability":{chance!r},"alert":{str(chance >= batch.threshold).lower()},{common}}}'
        for name, chance in zip(batch.request_ids(), batch.probabilities(), strict=True)
    ]
    return f'{{"predictions":[{",".join(rows)}]}}'.encode()


def answer(prediction: Prediction) -> Answer:
    """The answer to one logged prediction."""
    return Answer.model_validate(prediction, from_attributes=True)


def add_routes(service: Service) -> None:
    """One flight, several, and their outcomes."""
    does, check = Endpoints(service.scorer, service.log), service.scorer.check_capacity
    add(service, "/predict", Endpoint(does.predict, Flight, 1, check), Answer, example())
    add(service, "/predict/batch", Endpoint(does.predict_batch, Flights, MAX_ROWS, check), Answers, {ROWS: [example()]})
    add(service, "/outcomes", Endpoint(does.outcomes, Outcomes, MAX_ROWS), Receipt, None)


def add(service: Service, path: str, endpoint: Endpoint, answer: type[BaseModel], body: dict[str, Any] | None) -> None:
    """Register one route; `body` is OpenAPI's example."""
    content = {"requestBody": {"content": {"application/json": {"example": body}}}} if body else None
    service.endpoints[path] = endpoint
    service.app.router.add_api_route(
        path, endpoint.function, response_model=answer, methods=["POST"], responses=problems(), openapi_extra=content
    )
