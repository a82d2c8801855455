"""From the flights of some requests to the predictions that are logged: columns, one vectorised score, rows."""

import logging
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from flights.batch import Batch, packed
from flights.columns import Columns
from flights.contract import PERSONAL
from flights.dataset import EVENT_TIME
from flights.predictions import Prediction, timestamp
from flights.registry import Model
from flights.rows import as_columns, event_times
from serving import refusal
from serving.champion_holder import ChampionHolder
from serving.fields import Pseudonymizer
from serving.log_connection import LogUnavailable
from serving.prediction_log import Scored
from serving.refusal import Refused
from serving.request import Flight, inputs_json
from serving.request_hooks import Observer, Waiting

logger = logging.getLogger("serving")


class NoProbability(ValueError):
    """The model's answer for some rows is not a probability."""

    def __init__(self, rows: int):
        super().__init__(f"expected a probability for each row, got {rows} that are none")
        self.rows = rows


class Scoring:
    """Scores requests with the model that answers, so that an error in one does not affect the others."""

    def __init__(self, holder: ChampionHolder):
        self.observers: list[Observer] = []
        self.pseudonymize: Pseudonymizer = str  # personal values stay as they are; a plug-in hashes them
        self._holder = holder

    def score(self, batch: list[Waiting], *, by_row: bool, model: Model | None = None) -> Sequence[Scored | Refused]:
        """What each request is logged with, or why it is not answered."""
        model, fallback = model or self._holder.answering, self._holder.fallback
        if model is None:
            return [Refused(503, "No model", self._holder.unavailable_reason(), retry_after=5) for _ in batch]
        try:
            self.pseudonymize("")  # its key may be missing
            return scored_requests(model, batch, self.pseudonymize, by_row=by_row)
        except LogUnavailable as error:
            return log_unavailable(error, len(batch))
        except Exception as error:
            if len(batch) > 1:
                return [scored for waiting in batch for scored in self.score([waiting], by_row=by_row)]
            logger.exception("scoring failed", extra={"version": model.version})
            for observer in self.observers:
                observer.failed(error.rows if isinstance(error, NoProbability) else 0)
        if fallback is not None and fallback is not model:
            return self.score(batch, by_row=by_row, model=fallback)
        return [Refused(503, "No prediction", "The model gives no probability for this request.")]


def scored_requests(
    model: Model, requests: Sequence[Waiting], pseudonymize: Pseudonymizer, *, by_row: bool
) -> list[Scored]:
    """The predictions of each request; of a large one they are one batch, unless `by_row`.

    Raises
    ------
    NoProbability
        The model's answer is outside [0, 1], NaN, or not one number for each row.
    """
    columns = as_columns([flight.__dict__ for request in requests for flight in request.flights])
    probabilities = valid_probabilities(model, columns)
    ids, times = new_request_ids(len(probabilities)), event_times(columns)
    now, clock = timestamp(datetime.now(UTC)), time.perf_counter()
    by_model = (model.threshold, model.version, model.digest, model.served_by)
    scored: list[Scored] = []
    end = 0
    for request in requests:
        end, mine = end + len(request.flights), slice(end, end + len(request.flights))
        latency_us = int(1e6 * (clock - request.arrived))
        if not by_row and request.is_large():
            part = {name: values[mine] for name, values in columns.items()}
            texts, numbers = _packed(part, probabilities[mine], pseudonymize)
            scored.append(Batch(ids[mine.start], now, texts, numbers, *by_model, latency_us))
            continue
        rows = zip(request.flights, ids[mine], times[mine], probabilities[mine], strict=True)
        scored.append([_prediction(*row, pseudonymize, now, by_model, latency_us) for row in rows])
    return scored


def _prediction(
    flight: Flight,
    made: str,
    moment: str,
    probability: float,
    pseudonymize: Pseudonymizer,
    now: str,
    by_model: tuple[float, int, str, str],
    latency_us: int,
) -> Prediction:
    inputs = inputs_json(flight, pseudonymize)
    alert = probability >= by_model[0]
    return Prediction(flight.request_id or made, now, moment, inputs, probability, alert, *by_model, latency_us)


def _packed(columns: Columns, probabilities: list[float], pseudonymize: Pseudonymizer) -> tuple[str, bytes]:
    for name in PERSONAL:
        columns[name] = np.array([text if text is None else pseudonymize(text) for text in columns[name]], object)
    return packed(columns, np.array(probabilities))


def valid_probabilities(model: Model, columns: Columns) -> list[float]:
    """One probability for each row.

    Raises
    ------
    NoProbability
        Something else came back.
    """
    probabilities, rows = model.score(columns), len(columns[EVENT_TIME])
    if probabilities.shape != (rows,):
        raise NoProbability(rows)
    valid = (probabilities >= 0) & (probabilities <= 1)  # NaN is neither
    if not valid.all():
        raise NoProbability(int(np.sum(~valid)))
    answer: list[float] = probabilities.tolist()
    return answer


def new_request_ids(count: int) -> list[str]:
    """Make IDs that begin with the time: new rows then go to the last page of the log's index."""
    stamp, noise = f"{time.time_ns():016x}", os.urandom(8 * count).hex()
    return [stamp + noise[place : place + 16] for place in range(0, 16 * count, 16)]


def log_unavailable(error: LogUnavailable, requests: int) -> list[Refused]:
    """Refuse some requests, and log the reason once."""
    logger.error("prediction log unavailable", extra={"error": str(error)})
    return [refusal.log_unavailable() for _ in range(requests)]
