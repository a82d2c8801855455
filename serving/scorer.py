"""All waiting requests are one batch: one vectorised score, one commit to the log, and then the answers.

While a batch is being committed the next one gathers, so batches grow with the load and no request waits for a timer.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from flights.batch import Batch
from flights.registry import Model
from serving.champion_holder import ChampionHolder
from serving.fields import Pseudonymizer
from serving.log_connection import LogUnavailable
from serving.log_thread import LogThread
from serving.observer import Observer
from serving.prediction_log import Logged, PredictionLog, Scored
from serving.refusal import Refused, id_taken, log_unavailable
from serving.request import Flight
from serving.scoring import NoProbability, Waiting, scored_requests

logger = logging.getLogger("serving")

TURNS = 4  # of the event loop before a batch is closed: it then includes the next requests of those just answered
MAX_BATCH_ROWS = 2000  # rows scored and committed together; more wait for the next batch

Request = tuple[Waiting, Scored]


class ShadowHook(Protocol):
    """A second version: it is asked before the log is written, and told what was answered."""

    async def override(self, requests: list[Request]) -> list[Request]:
        """Return the requests with some predictions replaced; while the hook is set, none is a `Batch`."""

    def observe(self, requests: list[Request], logged: Sequence[Logged | Refused]) -> None:
        """See what was answered."""


class Scorer:
    """Answers requests in batches."""

    def __init__(self, holder: ChampionHolder, log: PredictionLog, max_waiting_rows: int):
        self.log_thread = LogThread(log)
        self.observers: list[Observer] = []
        self.pseudonymize: Pseudonymizer = str  # what is personal stays as it is; a plug-in hashes it
        self.shadow: ShadowHook | None = None
        self._holder, self._log, self._max_waiting_rows = holder, log, max_waiting_rows
        self._waiting: list[Waiting] = []
        self._rows = 0
        self._committing: list[Waiting] = []
        self._running: asyncio.Task[None] | None = None

    def check_capacity(self, rows: int) -> None:
        """Raise `Refused` if too many rows are waiting; a request alone always has room."""
        if self._rows and self._rows + rows > self._max_waiting_rows:
            raise Refused(503, "Overloaded", "Too many flights are waiting for their prediction.", retry_after=1)

    async def predictions(self, flights: Sequence[Flight]) -> Scored:
        """Return the logged predictions for the flights of one request, in their order.

        Raises
        ------
        Refused
            There is no model, the log cannot be written, or a request ID is taken.
        """
        waiting = Waiting(flights, time.perf_counter(), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._rows += len(flights)
        if self._running is None:
            self._running = asyncio.create_task(self._answer_all())
        return await waiting.answer

    def lag(self) -> float:
        """Seconds that the oldest request has been waiting for its commit."""
        now = time.perf_counter()
        return max((now - waiting.arrived for waiting in (*self._committing, *self._waiting)), default=0.0)

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                self._committing = self._next_batch()
                await self._answer(self._committing)
        finally:
            self._running, self._committing = None, []

    def _next_batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + len(self._waiting[0].flights) <= MAX_BATCH_ROWS):
            batch.append(self._waiting.pop(0))
            rows += len(batch[-1].flights)
        self._rows -= rows
        return batch

    async def _answer(self, batch: list[Waiting]) -> None:
        """Score, log, answer; an error in one request does not affect the others."""
        shadow = self.shadow
        requests: list[Request] = []
        for waiting, scored in zip(batch, self._scored(batch, by_row=shadow is not None), strict=True):
            if isinstance(scored, Refused):
                _settle(waiting, scored)
            else:
                requests.append((waiting, scored))
        if shadow is not None:
            requests = await shadow.override(requests)
        start = time.perf_counter()
        logged: Sequence[Logged | Refused]
        try:
            logged = await self.log_thread.run(self._log.write, [scored for _, scored in requests])
        except LogUnavailable as error:
            logged = _log_unavailable(error, len(requests))
        self._settle_all(requests, logged, start)
        if shadow is not None:
            shadow.observe(requests, logged)

    def _settle_all(self, requests: Sequence[Request], logged: Sequence[Logged | Refused], start: float) -> None:
        now = time.perf_counter()
        for observer in self.observers:
            observer.committed(sum(len(waiting.flights) for waiting, _ in requests), now - start)
        for (waiting, _), outcome in zip(requests, logged, strict=True):
            _settle(waiting, outcome)
            if isinstance(outcome, list | Batch):
                for observer in self.observers:
                    observer.answered(outcome, now - waiting.arrived)

    def _scored(self, batch: list[Waiting], *, by_row: bool, model: Model | None = None) -> Sequence[Scored | Refused]:
        """What each request is logged with, or why it is not answered."""
        model, fallback = model or self._holder.answering, self._holder.fallback
        if model is None:
            return [Refused(503, "No model", self._holder.unavailable_reason(), retry_after=5) for _ in batch]
        try:
            self.pseudonymize("")  # its key may be missing
            return scored_requests(model, batch, self.pseudonymize, by_row=by_row)
        except LogUnavailable as error:
            return _log_unavailable(error, len(batch))
        except Exception as error:
            if len(batch) > 1:
                return [scored for waiting in batch for scored in self._scored([waiting], by_row=by_row)]
            logger.exception("scoring failed", extra={"version": model.version})
            for observer in self.observers:
                observer.failed(error.rows if isinstance(error, NoProbability) else 0)
        if fallback is not None and fallback is not model:
            return self._scored(batch, by_row=by_row, model=fallback)
        return [Refused(503, "No prediction", "The model gives no probability for this request.")]


def _log_unavailable(error: LogUnavailable, requests: int) -> list[Refused]:
    logger.error("prediction log unavailable", extra={"error": str(error)})
    return [log_unavailable() for _ in range(requests)]


def _settle(waiting: Waiting, outcome: Logged | Refused) -> None:
    if waiting.answer.done():  # its client's task was cancelled
        return
    if isinstance(outcome, list | Batch):
        waiting.answer.set_result(outcome)
    else:
        waiting.answer.set_exception(outcome if isinstance(outcome, Refused) else id_taken())
