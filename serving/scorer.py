"""All waiting requests are one batch: one vectorised score, one commit to the log, and then the answers.

While a batch is being committed the next one gathers, so batches grow with the load and no request waits for a timer.
"""

import asyncio
import time
from collections.abc import Sequence

from flights.batch import Batch
from serving.champion_holder import ChampionHolder
from serving.log_connection import LogUnavailable
from serving.prediction_log import Logged, LogThread, PredictionLog, Scored
from serving.refusal import Refused, id_taken
from serving.request import Flight
from serving.request_hooks import Request, ShadowHook, Waiting
from serving.scoring import Scoring, log_unavailable

TURNS = 6  # of the event loop before a batch is closed: those just answered ask again, and by key look up
MAX_BATCH_ROWS = 2000  # rows scored and committed together; more wait for the next batch


class Scorer:
    """Answers requests in batches."""

    def __init__(self, holder: ChampionHolder, log: PredictionLog, max_waiting_rows: int):
        self.log_thread = LogThread(log)
        self.scoring = Scoring(holder)
        self.observers = self.scoring.observers
        self.shadow: ShadowHook | None = None
        self._log, self._max_waiting_rows = log, max_waiting_rows
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
        for waiting, scored in zip(batch, self.scoring.score(batch, by_row=shadow is not None), strict=True):
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
            logged = log_unavailable(error, len(requests))
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


def _settle(waiting: Waiting, outcome: Logged | Refused) -> None:
    if waiting.answer.done():  # its client's task was cancelled
        return
    if isinstance(outcome, list | Batch):
        waiting.answer.set_result(outcome)
    else:
        waiting.answer.set_exception(outcome if isinstance(outcome, Refused) else id_taken())
