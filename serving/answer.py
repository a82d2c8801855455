"""What the service answers: predictions and receipts. Refusals are in `refusal.py`."""

from pydantic import BaseModel, Field

from flights.batch import Batch
from flights.dataset import QUESTION
from flights.predictions import Prediction


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


def batch_json(batch: Batch) -> bytes:
    """Write the `Answers` to a batch, in a third of the time that its objects would take."""
    common = f'"threshold":{batch.threshold!r},"model_version":{batch.model_version},"served_by":"{batch.served_by}"'
    rows = [
        f'{{"request_id":"{name}","probability":{chance!r},"alert":{str(chance >= batch.threshold).lower()},{common}}}'
        for name, chance in zip(batch.names(), batch.probabilities(), strict=True)
    ]
    return f'{{"predictions":[{",".join(rows)}]}}'.encode()


def answer(prediction: Prediction) -> Answer:
    """Tell the client what the log says."""
    return Answer(
        request_id=prediction.request_id,
        probability=prediction.probability,
        alert=bool(prediction.alert),
        threshold=prediction.threshold,
        model_version=prediction.model_version,
        served_by=prediction.served_by,
    )
