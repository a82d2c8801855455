"""The log that loses nothing: one synced transaction for all waiting requests, before any of their answers leaves.

A request ID is logged once: a repeated request gets the logged answer, and one with other inputs is a conflict.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, TypeVar

from flights.batch import ROW_OF_BATCH, Batch
from flights.dataset import OUTCOME
from flights.predictions import Outcome, Prediction
from serving.log_connection import LogConnection, LogUnavailable

LOG_SECONDS = 8.0  # for the log to answer; SQLite's own wait for other writers is shorter
ATTEMPTS = 3  # another worker may write the same request ID meanwhile, a database may have been restarted


class Conflict(Exception):
    """A request ID that was used before, for other inputs."""


Scored = list[Prediction] | Batch
Logged = Scored | Conflict
T = TypeVar("T")


class PredictionLog(LogConnection):
    """Writes predictions and outcomes."""

    def write(self, requests: Sequence[Scored]) -> list[Logged]:
        """Log several requests in one transaction and return what each is answered with.

        Nothing of a request with a conflict is logged.

        Raises
        ------
        LogUnavailable
            Nothing was logged, as far as the database says.
        """
        for attempt in range(ATTEMPTS):
            try:
                with self.transaction() as cursor:
                    return self._write(cursor, requests)
            except LogUnavailable as error:
                if attempt == ATTEMPTS - 1 or not isinstance(error.__cause__, self.dialect.errors.Error):
                    raise
        raise AssertionError("unreachable")

    def write_outcomes(self, outcomes: Sequence[Outcome]) -> tuple[int, int]:
        """Append what is new; return the number of repeated outcomes, and of those without a prediction.

        Two outcomes are equal if they differ only in when they were received; the first one counts as new.

        Raises
        ------
        LogUnavailable
            Nothing was logged.
        """
        predicted = "SELECT 1 FROM predictions WHERE request_id = ? UNION ALL SELECT 1 FROM batches WHERE batch_id = ?"
        fresh: dict[tuple[Any, ...], Outcome] = {}
        repeated = unknown = 0
        with self.transaction():
            for outcome in outcomes:
                if outcome[:3] in fresh or self._has_outcome(outcome):
                    repeated += 1
                else:
                    fresh[outcome[:3]] = outcome
                    unknown += not self.rows(predicted, (outcome.request_id, outcome.request_id.partition("-")[0]))
            self.insert("outcomes", list(fresh.values()))
        return repeated, unknown

    def _has_outcome(self, outcome: Outcome) -> bool:
        """Whether an outcome was logged, by an index on all that is compared: one ID may have any number of them."""
        is_value = "IS NULL" if outcome.value is None else "= ?"
        query = f"SELECT 1 FROM outcomes WHERE request_id = ? AND known_at = ? AND {OUTCOME} {is_value} LIMIT 1"  # noqa: S608
        return bool(self.rows(query, outcome[: 2 if outcome.value is None else 3]))

    def find(self, request_id: str) -> Prediction | None:
        """The prediction of a request ID, if there is one."""
        rows = self.rows("SELECT * FROM predictions WHERE request_id = ?", (request_id,))
        if rows or not (name := ROW_OF_BATCH.fullmatch(request_id)):
            return Prediction(*rows[0]) if rows else None
        batches = self.rows("SELECT * FROM batches WHERE batch_id = ?", (name[1],))
        rows = Batch(*batches[0]).rows() if batches else []
        return Prediction(*rows[int(name[2])]) if int(name[2]) < len(rows) else None

    def _write(self, cursor: Any, requests: Sequence[Scored]) -> list[Logged]:
        batches = [request for request in requests if isinstance(request, Batch)]
        rows = list(chain.from_iterable(request for request in requests if isinstance(request, list)))
        self.insert("batches", batches, "ON CONFLICT DO NOTHING")  # the last attempt may have succeeded
        try:
            if any(ROW_OF_BATCH.fullmatch(row[0]) and self.find(row[0]) for row in rows):
                raise self.dialect.errors.IntegrityError("the ID of a row in a batch")
            self.insert("predictions", rows)
        except self.dialect.errors.IntegrityError:
            cursor.connection.rollback()
            self.insert("batches", batches, "ON CONFLICT DO NOTHING")
            return [request if isinstance(request, Batch) else self._logged(request) for request in requests]
        return list(requests)

    def _logged(self, request: Sequence[Prediction]) -> Logged:
        """The answer to one request some of whose IDs may be logged already; the others are inserted."""
        found: dict[str, Prediction] = {}
        fresh: dict[str, Prediction] = {}
        for prediction in request:
            name = prediction.request_id
            before = fresh.get(name) or self.find(name)
            if before is None:
                before = fresh[name] = prediction
            elif json.loads(before.inputs) != json.loads(prediction.inputs):
                return Conflict(name)
            found[name] = before
        self.insert("predictions", list(fresh.values()))
        return [found[prediction.request_id] for prediction in request]


class LogThread:
    """The one thread in which a log works, and how long a request waits for it."""

    def __init__(self, log: LogConnection):
        self.executor = ThreadPoolExecutor(1, "prediction-log")
        self.hanging: Future[Any] | None = None  # work that was given up
        self._log = log

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Do something in the thread; raise `LogUnavailable` if the database has not answered for LOG_SECONDS."""
        if self.hanging is not None and not self.hanging.done():
            raise LogUnavailable("the prediction log has not answered an earlier request yet")
        working = self.executor.submit(work, *args)
        answer = asyncio.wrap_future(working)
        await asyncio.wait([answer], timeout=LOG_SECONDS)
        if answer.done():
            return answer.result()
        answer.cancel()
        if not working.cancel():  # it has begun; what waits behind it never will
            self.hanging = working
            self._log.available = False
            self._log.interrupt()
        raise LogUnavailable(f"the prediction log has not answered for {LOG_SECONDS:g} seconds")
