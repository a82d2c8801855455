"""A second version on live traffic: as shadow it is scored and logged, as canary it answers a share of the flights.

The champion has scored every flight before, so a failure of the second version costs no answer: it works in a thread
of its own, for a limited time, and is aborted if it fails too often. `history.py` records the abort.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Gauge
from pydantic import Field

from flights.columns import Columns
from flights.config import EnvironmentSettings
from flights.predictions import Prediction, timestamp
from flights.registry import Model, ModelRefused, load
from flights.rows import as_columns
from serving.extras.shadow.history import ABORT, CANARY, Challenge, ChallengeRefused, end, is_chosen, latest
from serving.extras.shadow.log import ShadowRow, write_shadows
from serving.log_connection import LogUnavailable
from serving.prediction_log import Logged
from serving.refusal import Refused
from serving.request import Flight
from serving.request_hooks import Request
from serving.service import Service

logger = logging.getLogger("serving")

WINDOW = 100  # batches over which failures are counted
ERROR, SLOW, INVALID = "error", "slow", "no probability"


class Settings(EnvironmentSettings):
    """When a second version is aborted."""

    challenger_seconds: float = Field(
        0.25, description="For a second version to score a batch, in seconds, before it counts as slow.", gt=0
    )
    challenger_slow: int = Field(3, description="Slow batches, of the last 100, at which it is aborted.", gt=0)
    challenger_errors: int = Field(3, description="Failed batches, of the last 100, at which it is aborted.", gt=0)
    challenger_invalid: int = Field(
        1, description="Batches with an answer that is no probability, of the last 100, at which it is aborted.", gt=0
    )


class SecondVersion:
    """The shadow or canary, or the reason why it no longer runs."""

    def __init__(self, service: Service, settings: Settings):
        registry = service.registry
        self._service, self._models_dir = service, service.settings.models_dir
        self._seconds = settings.challenger_seconds
        self._limits = {
            ERROR: settings.challenger_errors,
            SLOW: settings.challenger_slow,
            INVALID: settings.challenger_invalid,
        }
        self._challenge: Challenge | None = None  # the latest
        self._running: tuple[Challenge, Model] | None = None
        self._reason = ""  # why the latest does not run here
        self._lock = threading.Lock()  # the registry is followed in one thread, failures are counted in another
        self._recent: deque[str] = deque(maxlen=WINDOW)  # what was wrong with the last batches; nothing is ""
        self._busy: threading.Thread | None = None  # a thread that was given up may still be in the model
        self._shadowing: asyncio.Task[None] | None = None
        self._batches = Counter("challenger_batches", "Batches that the challenger got", ["result"], registry=registry)
        self._rows = Counter("challenger_predictions", "Flights that the challenger scored", ["as"], registry=registry)
        self._version = Gauge(
            "challenger_version", "Version that runs as shadow or canary; 0 is none", registry=registry
        )
        self._aborted = Gauge("challenger_aborted", "Whether the latest challenge was aborted", registry=registry)

    def state(self) -> str:
        """The state in one line, for readiness."""
        if (entry := self._challenge) is None:
            return "none"
        name = f"version {entry.version}"
        if self._reason:
            return f"{name} aborted: {self._reason}"
        if not entry.runs:
            return f"{name}: {entry.action} {entry.reason}".strip()
        return f"{name} as {entry.action}" + (f" for {entry.share:.1%} of the flights" if entry.share else "")

    def follow(self) -> None:
        """Take over what the history says."""
        self._record_abort()
        if (newest := latest(self._models_dir)) != self._challenge:
            self._take_over(newest)
        with self._lock:
            self._publish()

    def _take_over(self, newest: Challenge | None) -> None:
        running, reason = None, ""
        if newest is not None and newest.runs:
            try:
                running = newest, self._loaded(newest.version)
            except ModelRefused as error:
                reason = str(error)
                logger.exception("challenger rejected", extra={"version": newest.version})
        elif newest is not None and newest.action == ABORT:
            reason = newest.reason
        with self._lock:
            self._challenge, self._running, self._reason = newest, running, reason
            self._recent.clear()
            self._busy = None  # whatever an earlier version's thread still does
        logger.info("challenger", extra={"state": self.state()})

    def _loaded(self, version: int) -> Model:
        """The model of a version: the one that runs already, or a new one after its preflight."""
        running = self._running
        if running is not None and running[1].version == version:
            return running[1]
        with self._service.holder.preflight(self._models_dir, version):
            return load(self._models_dir, version)

    def _publish(self) -> None:
        self._service.scorer.shadow = None if self._running is None else self
        self._version.set(self._running[1].version if self._running else 0)
        self._aborted.set(bool(self._reason))

    def _record_abort(self) -> None:
        """Tell all other servers; if the folder cannot be written, this server alone keeps to it."""
        if self._reason and self._challenge is not None and self._challenge.runs:
            try:
                self._challenge = end(self._models_dir, self._challenge, ABORT, self._reason)
            except (OSError, ChallengeRefused) as error:
                logger.warning("abort not recorded", extra={"error": str(error)})

    async def override(self, requests: list[Request]) -> list[Request]:
        """Let a canary answer its share; where it fails the champion's answers stand."""
        running = self._running
        if running is None or running[0].action != CANARY:
            return requests
        challenge, model = running
        ours = [
            (request, place, waiting.flights[place])
            for request, (waiting, _) in enumerate(requests)
            for place in range(len(waiting.flights))
            if is_chosen(waiting.flights[place], challenge)
        ]
        probabilities = await self._scored(model, [flight for *_, flight in ours]) if ours else None
        if probabilities is None:
            return requests
        answers = [(waiting, list(cast("list[Prediction]", predictions))) for waiting, predictions in requests]
        for (request, place, _), probability in zip(ours, probabilities, strict=True):
            waiting, predictions = answers[request]
            predictions[place] = predictions[place]._replace(
                probability=probability,
                alert=probability >= model.threshold,
                threshold=model.threshold,
                model_version=model.version,
                model_digest=model.digest,
                served_by=CANARY,
                latency_us=int(1e6 * (time.perf_counter() - waiting.arrived)),
            )
        self._rows.labels(CANARY).inc(len(ours))
        return list(answers)

    def observe(self, requests: list[Request], logged: Sequence[Logged | Refused]) -> None:
        """Score as shadow what was answered and logged; while one batch is in the shadow others pass it by."""
        running = self._running
        if running is None or running[0].action == CANARY:
            return
        if self._shadowing is not None and not self._shadowing.done():
            return
        answered = [
            (prediction.request_id, flight)
            for (waiting, _), predictions in zip(requests, logged, strict=True)
            if isinstance(predictions, list)
            for prediction, flight in zip(predictions, waiting.flights, strict=True)
        ]
        if answered:
            self._shadowing = asyncio.create_task(self._shadow(running[1], answered))

    async def _shadow(self, model: Model, answered: Sequence[tuple[str, Flight]]) -> None:
        probabilities = await self._scored(model, [flight for _, flight in answered])
        if probabilities is None:
            return
        now = timestamp(datetime.now(UTC))
        rows = [
            ShadowRow(name, now, probability, probability >= model.threshold, model.version, model.digest)
            for (name, _), probability in zip(answered, probabilities, strict=True)
        ]
        try:
            await self._service.scorer.log_thread.run(write_shadows, self._service.log, rows)
        except LogUnavailable as error:
            logger.warning("shadow not logged", extra={"error": str(error)})
            return
        self._rows.labels("shadow").inc(len(rows))

    async def _scored(self, model: Model, flights: Sequence[Flight]) -> list[float] | None:
        """The probabilities of some flights, or None after a failure, which is counted."""
        failure, probabilities = SLOW, np.empty(0)
        if self._busy is None or not self._busy.is_alive():
            try:
                inputs = as_columns([flight.__dict__ for flight in flights])
                probabilities = await asyncio.wait_for(self._in_thread(model, inputs), self._seconds)
                in_range = (probabilities >= 0) & (probabilities <= 1)  # NaN is neither
                is_valid = probabilities.shape == (len(flights),) and in_range.all()
                failure = "" if is_valid else INVALID
            except TimeoutError:
                pass
            except Exception:
                failure = ERROR
                logger.exception("challenger failed", extra={"version": model.version})
        self._count(model, failure)
        return None if failure else probabilities.tolist()

    def _in_thread(self, model: Model, inputs: Columns) -> "asyncio.Future[NDArray[np.float64]]":
        """Score in a daemon thread: a model that never answers must not keep the service from ending."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[NDArray[np.float64]] = loop.create_future()

        def settle(act: Callable[[Any], None], value: object) -> None:
            if not answer.done():
                act(value)

        def score() -> None:
            act: Callable[[Any], None] = answer.set_result
            value: object
            try:
                value = model.score(inputs)
            except Exception as error:
                act, value = answer.set_exception, error
            with suppress(RuntimeError):  # the service ended meanwhile
                loop.call_soon_threadsafe(settle, act, value)

        self._busy = threading.Thread(target=score, name="challenger", daemon=True)
        self._busy.start()
        return answer

    def _count(self, model: Model, failure: str) -> None:
        self._batches.labels(failure or "fine").inc()
        with self._lock:
            if self._running is None or self._running[1] is not model:
                return  # it was replaced meanwhile, and its failures with it
            self._recent.append(failure)
            if failure and self._recent.count(failure) >= self._limits[failure]:
                self._reason = f"{failure} in {self._recent.count(failure)} of {len(self._recent)} batches"
                self._running = None
                self._publish()
                logger.error("challenger aborted", extra={"version": model.version, "reason": self._reason})
