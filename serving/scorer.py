"""All requests waiting are one batch: columns, one vectorised score, one commit to the log, and then the answers.

While a batch is being committed the next one gathers, so the batches grow with the load and nobody waits for a timer.
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import numpy as np

from flights.batch import Batch, packed
from flights.columns import Columns
from flights.dataset import EVENT_TIME
from flights.predictions import Prediction, timestamp
from flights.privacy import PERSONAL, Pseudonym
from flights.registry import Model
from serving.active import Active
from serving.metrics import Metrics
from serving.prediction_log import Conflict, Logged, LogUnavailable, PredictionLog
from serving.refusal import FieldProblem, Refused
from serving.request import Flight, columns, event_times, inputs_json
from serving.server_log import log_answer

logger = logging.getLogger("serving")

P = ParamSpec("P")
T = TypeVar("T")

TURNS = 4  # of the event loop before a batch is closed: what those just answered ask next is then in it, too
LOG_SECONDS = 8.0  # for the log to answer; SQLite's own wait for other writers ends before
LARGE = 20  # flights from which a request is logged as one; of fewer each has its row at once
MAX_BATCH_ROWS = 2000  # rows scored and committed together; more wait for the next batch


@dataclass
class Waiting:
    """One request: its flights, when it came (perf_counter seconds), and where its answer goes."""

    flights: Sequence[Flight]
    arrived: float
    answer: asyncio.Future[list[Prediction] | Batch]

    def is_large(self) -> bool:
        """Whether it can be logged as one: many flights, and no names of the client's."""
        return len(self.flights) >= LARGE and not any(flight.request_id for flight in self.flights)


class Beside(Protocol):
    """What is asked beside the champion: before the log is written, and after the answers left."""

    async def instead(self, requests: "list[Request]") -> "list[Request]":
        """Requests with their predictions, some of which are another version's now."""

    def after(self, requests: "list[Request]", logged: Sequence[Logged | Refused]) -> None:
        """Look at what was answered."""


Request = tuple[Waiting, list[Prediction]]


class Scorer:
    """Answers requests in batches; the log's thread is the only other one."""

    def __init__(
        self,
        active: Active,
        log: PredictionLog,
        metrics: Metrics,
        max_waiting_rows: int,
        named: Pseudonym,
        log_requests: float = 0,
    ):
        self._active, self._log, self._metrics, self._named = active, log, metrics, named
        self._max_waiting_rows, self._log_requests = max_waiting_rows, log_requests
        self._waiting: list[Waiting] = []
        self._rows = 0
        self._committing: list[Waiting] = []
        self._running: asyncio.Task[None] | None = None
        self.thread = ThreadPoolExecutor(1, "prediction-log")
        self._hanging: Future[Any] | None = None  # work in that thread which was given up
        self.beside: Beside | None = None  # a version beside the champion, where one runs

    async def predictions(self, flights: Sequence[Flight]) -> list[Prediction] | Batch:
        """Return logged predictions for the flights of one request, in their order; of many they may be one batch.

        Raises
        ------
        Refused
            Too many are waiting, there is no model, the log cannot be written, or a request id is taken.
        """
        self.admit(len(flights))
        waiting = Waiting(flights, time.perf_counter(), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._rows += len(flights)
        if self._running is None:
            self._running = asyncio.create_task(self._answer_all())
        return await waiting.answer

    def admit(self, rows: int) -> None:
        """Refuse so many flights where there is no room for them; alone they always have room."""
        if self._rows and self._rows + rows > self._max_waiting_rows:
            raise Refused(503, "Overloaded", "Too many flights are waiting for their prediction.", retry_after=1)

    def lag(self) -> float:
        """Seconds that the oldest request waits for its commit by now."""
        now = time.perf_counter()
        return max((now - waiting.arrived for waiting in (*self._committing, *self._waiting)), default=0.0)

    async def in_log(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do something in the log's thread, and wait for it, but not for ever.

        Raises
        ------
        LogUnavailable
            It was not done, or nobody knows: the database has not answered for LOG_SECONDS, in this or earlier work.
        """
        if self._hanging is not None and not self._hanging.done():
            raise LogUnavailable("the prediction log has not answered an earlier request yet")
        working = self.thread.submit(work, *arguments, **named)
        answer = asyncio.wrap_future(working)
        await asyncio.wait([answer], timeout=LOG_SECONDS)
        if answer.done():
            return answer.result()
        answer.cancel()
        if not working.cancel():  # it has begun; what waits behind it never will
            self._hanging = working
            self._log.available = False
            self._log.interrupt()
        raise LogUnavailable(f"the prediction log has not answered for {LOG_SECONDS:g} seconds")

    async def _answer_all(self) -> None:
        """Answer batch by batch until nobody waits."""
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
        return batch

    async def _answer(self, batch: list[Waiting]) -> None:
        """Score, log, answer; what breaks one request's score breaks no other request of the batch."""
        self._rows -= sum(len(waiting.flights) for waiting in batch)
        beside = self.beside  # it needs row by row what its answers may replace
        requests: list[tuple[Waiting, list[Prediction] | Batch]] = []
        answers: Sequence[list[Prediction] | Batch | Refused]
        try:
            self._named("")  # there may be no key yet
            answers = self._scored(batch, by_row=beside is not None)
        except LogUnavailable as error:
            logger.error("prediction log unavailable", extra={"error": str(error)})
            answers = [log_unavailable() for _ in batch]
        for waiting, scored in zip(batch, answers, strict=True):
            if isinstance(scored, Refused):
                _settle(waiting.answer, scored)
            else:
                requests.append((waiting, scored))
        if beside is not None:
            requests = list(await beside.instead(cast("list[Request]", requests)))
        start = time.perf_counter()
        outcomes: Sequence[Logged | Refused]
        try:
            outcomes = await self.in_log(self._log.write, [scored for _, scored in requests])
        except LogUnavailable as error:
            logger.error("prediction log unavailable", extra={"error": str(error)})
            outcomes = [log_unavailable() for _ in requests]
        now = time.perf_counter()
        self._metrics.committed(sum(len(waiting.flights) for waiting, _ in requests), now - start)
        for (waiting, _), outcome in zip(requests, outcomes, strict=True):
            _settle(waiting.answer, outcome)
            if isinstance(outcome, list | Batch):
                self._metrics.answered(outcome, now - waiting.arrived)
                if random.random() < self._log_requests:  # noqa: S311 - a sample, no secret
                    rows = outcome if isinstance(outcome, list) else [Prediction(*row) for row in outcome.rows()]
                    log_answer(rows, now - waiting.arrived)
        if beside is not None:
            beside.after(cast("list[Request]", requests), outcomes)

    def _scored(
        self, batch: list[Waiting], *, by_row: bool, model: Model | None = None
    ) -> list[list[Prediction] | Batch | Refused]:
        """What each request is to be logged with, or why it is not."""
        model, stand_in = model or self._active.answering, self._active.stand_in
        if model is None:
            return [Refused(503, "No model", self._active.why_not(), retry_after=5) for _ in batch]
        flights = [flight for waiting in batch for flight in waiting.flights]
        try:
            asked = columns(flights)
            probabilities = _probabilities(model, asked)
        except Exception as error:
            if len(batch) > 1:
                return [scored for waiting in batch for scored in self._scored([waiting], by_row=by_row)]
            logger.exception("scoring failed", extra={"version": model.version})
            self._metrics.failed(error.rows if isinstance(error, NoProbability) else 0)
            if stand_in is not None and stand_in is not model:
                return self._scored(batch, by_row=by_row, model=stand_in)
            return [Refused(503, "No prediction", "The model gives no probability for this request.")]
        names, times = new_request_ids(len(flights)), event_times(asked)
        now, clock = timestamp(datetime.now(UTC)), time.perf_counter()
        answers: list[list[Prediction] | Batch | Refused] = []
        end = 0
        for waiting in batch:
            end, mine = end + len(waiting.flights), slice(end, end + len(waiting.flights))
            latency_us = int(1e6 * (clock - waiting.arrived))
            if not by_row and waiting.is_large():
                part = {name: values[mine] for name, values in asked.items()}
                answers.append(self._batch(model, names[mine.start], part, probabilities[mine], now, latency_us))
            else:
                rows = zip(waiting.flights, names[mine], times[mine], probabilities[mine], strict=True)
                answers.append([self._prediction(model, *row, now, latency_us) for row in rows])
        return answers

    def _batch(
        self, model: Model, name: str, asked: Columns, probabilities: list[float], now: str, latency_us: int
    ) -> Batch:
        for column in PERSONAL:
            asked[column] = np.array(
                [value if value is None else self._named(value) for value in asked[column]], object
            )
        texts, numbers = packed(asked, np.array(probabilities))
        return Batch(
            name, now, texts, numbers, model.threshold, model.version, model.digest, model.served_by, latency_us
        )

    def _prediction(
        self, model: Model, flight: Flight, name: str, scheduled: str, probability: float, now: str, latency_us: int
    ) -> Prediction:
        return Prediction(
            flight.request_id or name,
            now,
            scheduled,
            inputs_json(flight, self._named),
            probability,
            probability >= model.threshold,
            model.threshold,
            model.version,
            model.digest,
            model.served_by,
            latency_us,
        )


class NoProbability(ValueError):
    """The model's answer for some rows is no probability."""

    def __init__(self, rows: int):
        super().__init__(f"expected a probability for each row, got {rows} that are none")
        self.rows = rows


def _probabilities(model: Model, asked: Columns) -> list[float]:
    probabilities, rows = model.score(asked), len(asked[EVENT_TIME])
    if probabilities.shape != (rows,):
        raise NoProbability(rows)
    sound = (probabilities >= 0) & (probabilities <= 1)  # NaN is neither
    if not sound.all():
        raise NoProbability(int(np.sum(~sound)))
    answer: list[float] = probabilities.tolist()
    return answer


def new_request_ids(count: int) -> list[str]:
    """Make names that begin with the time: new rows then land on the last page of the log's index."""
    stamp, noise = f"{time.time_ns():016x}", os.urandom(8 * count).hex()
    return [stamp + noise[place : place + 16] for place in range(0, 16 * count, 16)]


def log_unavailable() -> Refused:
    """Refuse, since a prediction that is not logged is not given."""
    return Refused(503, "Prediction log unavailable", "What cannot be logged is not answered.", retry_after=1)


def _settle(answer: "asyncio.Future[list[Prediction] | Batch]", outcome: Logged | Refused) -> None:
    if answer.done():  # nobody waits any more: its client's task was cancelled
        return
    if isinstance(outcome, list | Batch):
        answer.set_result(outcome)
    elif isinstance(outcome, Conflict):
        errors = [FieldProblem(field="request_id", expected="a name that was not used for other inputs")]
        answer.set_exception(Refused(409, "Request id taken", "The name was used before, for other inputs.", errors))
    else:
        answer.set_exception(outcome)
