"""Request log: a share of the answered requests is written to the server's log, with their request IDs."""

import logging
import random

from pydantic import Field

from flights.batch import Batch
from flights.config import EnvironmentSettings
from flights.predictions import Prediction
from serving.request_hooks import Observer
from serving.service import Service

logger = logging.getLogger("serving")


class Settings(EnvironmentSettings):
    """How much is logged."""

    log_requests: float = Field(
        0.0, description="Share of the answered requests that the server logs; it logs every rejected one.", ge=0, le=1
    )


def plug_in(service: Service) -> None:
    """Log if a share is set."""
    share = Settings.read().log_requests
    if share:
        service.scorer.observers.append(RequestLog(share))


class RequestLog(Observer):
    """Logs a random share of the answers."""

    def __init__(self, share: float):
        self._share = share

    def answered(self, predictions: list[Prediction] | Batch, seconds: float) -> None:
        """Log one request by the IDs of its predictions, which lead to everything else in the prediction log."""
        if random.random() >= self._share:  # noqa: S311 - a sample, no secret
            return
        if isinstance(predictions, Batch):
            predictions = [Prediction(*row) for row in predictions.rows()]
        first = predictions[0]
        content = {
            "request_id": first.request_id,
            "last_request_id": predictions[-1].request_id,
            "rows": len(predictions),
            "model_version": first.model_version,
            "served_by": first.served_by,
            "milliseconds": round(1000 * seconds, 1),
        }
        logger.info("answered", extra=content)
