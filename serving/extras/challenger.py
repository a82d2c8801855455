"""A second version beside the champion: as shadow it is scored and logged, as canary it answers a share of the flights.

The champion has scored every flight before the challenger is asked, so whatever happens to the challenger costs no
answer: it works in a thread of its own, for a limited time, and where it fails too often it is aborted. Which version
runs how is `flights.challenger`'s history, where an abort is also written down.
"""

import asyncio
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Gauge

from flights.challenger import ABORT, CANARY, Challenge, ChallengeRefused, end, latest
from flights.columns import Columns
from flights.dataset import INPUTS
from flights.predictions import Shadow, timestamp
from flights.registry import Model, ModelRefused, load
from serving.prediction_log import Logged, LogUnavailable
from serving.refusal import Refused
from serving.request import Flight, columns
from serving.scorer import Request
from serving.service import Service
from serving.trial import check_in_trial

logger = logging.getLogger("serving")

WINDOW = 100  # batches over which failures are counted
ERROR, SLOW, INVALID = "error", "slow", "no probability"
SUBJECT = tuple(c.name for c in INPUTS if c.known_at == "timetable" and c.kind != "number" and not c.personal)


def plug_in(service: Service) -> None:
    """Ask the challenger after the champion, whenever there is one."""
    challenger = Challenger(service)
    service.followers.append(challenger)
    service.details["challenger"] = challenger.state


class Challenger:
    """The version that runs beside the champion, or the reason why it no longer does."""

    def __init__(self, service: Service):
        settings, registry = service.settings, service.metrics.registry
        self._service, self._models_dir = service, settings.models_dir
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
            "challenger_version", "Version that runs beside the champion; 0 is none", registry=registry
        )
        self._aborted = Gauge("challenger_aborted", "Whether the latest challenge was aborted", registry=registry)

    def state(self) -> str:
        """Say how things stand, for readiness."""
        if self._challenge is None:
            return "none"
        name = f"version {self._challenge.version}"
        if self._reason:
            return f"{name} aborted: {self._reason}"
        if not self._challenge.runs:
            return f"{name}: {self._challenge.action} {self._challenge.reason}".strip()
        share = f" for {self._challenge.share:.1%} of the flights" if self._challenge.share else ""
        return f"{name} as {self._challenge.action}{share}"

    def follow(self) -> None:
        """Take over what the history says; a version is tried in another process before it is loaded here."""
        self._write_abort_down()
        newest = latest(self._models_dir)
        if newest != self._challenge:
            self._take_over(newest)
        with self._lock:
            self._say()

    def _take_over(self, newest: Challenge | None) -> None:
        running, reason = None, ""
        if newest is not None and newest.runs:
            try:
                running = newest, self._tried(newest.version)
            except ModelRefused as error:
                reason = str(error)
                logger.exception("challenger refused", extra={"version": newest.version})
        elif newest is not None and newest.action == ABORT:
            reason = newest.reason
        with self._lock:
            self._challenge, self._running, self._reason = newest, running, reason
            self._recent.clear()
            self._busy = None  # whatever an earlier version's thread still does
        logger.info("challenger", extra={"state": self.state()})

    def _tried(self, version: int) -> Model:
        """The model of a version: the one that runs already, or loaded after its trial."""
        running = self._running
        if running is not None and running[1].version == version:
            return running[1]
        check_in_trial(self._models_dir, version)
        return load(self._models_dir, version)

    def _say(self) -> None:
        self._service.scorer.beside = None if self._running is None else self
        self._version.set(self._running[1].version if self._running else 0)
        self._aborted.set(bool(self._reason))

    def _write_abort_down(self) -> None:
        """Tell all other servers; where the folder cannot be written, this one keeps to it by itself."""
        if self._reason and self._challenge is not None and self._challenge.runs:
            try:
                self._challenge = end(self._models_dir, self._challenge, ABORT, self._reason)
            except (OSError, ChallengeRefused) as error:
                logger.warning("abort not written down", extra={"error": str(error)})

    async def instead(self, requests: list[Request]) -> list[Request]:
        """Let a canary answer its share; where it fails the champion's answers stand."""
        running = self._running
        if running is None or running[0].action != CANARY:
            return requests
        challenge, model = running
        ours = [
            (request, place, waiting.flights[place])
            for request, (waiting, predictions) in enumerate(requests)
            for place in range(len(predictions))
            if is_chosen(waiting.flights[place], challenge)
        ]
        probabilities = await self._scored(model, [flight for *_, flight in ours]) if ours else None
        if probabilities is None:
            return requests
        answers = [(waiting, list(predictions)) for waiting, predictions in requests]
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
        return answers

    def after(self, requests: list[Request], logged: Sequence[Logged | Refused]) -> None:
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
            Shadow(name, now, probability, probability >= model.threshold, model.version, model.digest)
            for (name, _), probability in zip(answered, probabilities, strict=True)
        ]
        try:
            await self._service.scorer.in_log(self._service.log.write_shadows, rows)
        except LogUnavailable as error:
            logger.warning("shadow not logged", extra={"error": str(error)})
            return
        self._rows.labels("shadow").inc(len(rows))

    async def _scored(self, model: Model, flights: Sequence[Flight]) -> list[float] | None:
        """What the challenger says of some flights, or None where it failed, which is counted."""
        fault, probabilities = SLOW, np.empty(0)
        if self._busy is None or not self._busy.is_alive():
            try:
                probabilities = await asyncio.wait_for(self._in_thread(model, columns(flights)), self._seconds)
                sound = probabilities.shape == (len(flights),) and valid(probabilities)
                fault = "" if sound else INVALID
            except TimeoutError:
                pass
            except Exception:
                fault = ERROR
                logger.exception("challenger failed", extra={"version": model.version})
        self._count(model, fault)
        return None if fault else probabilities.tolist()

    def _in_thread(self, model: Model, inputs: Columns) -> "asyncio.Future[NDArray[np.float64]]":
        """Score in a thread that nobody waits for at the end: a model that never answers must not keep the service."""
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

    def _count(self, model: Model, fault: str) -> None:
        self._batches.labels(fault or "fine").inc()
        with self._lock:
            if self._running is None or self._running[1] is not model:
                return  # it was replaced meanwhile, and its failures with it
            self._recent.append(fault)
            if fault and self._recent.count(fault) >= self._limits[fault]:
                self._reason = f"{fault} in {self._recent.count(fault)} of {len(self._recent)} batches"
                self._running = None
                self._say()
                logger.error("challenger aborted", extra={"version": model.version, "reason": self._reason})


def valid(probabilities: NDArray[np.float64]) -> bool:
    """Whether all are probabilities; NaN is none."""
    return bool(((probabilities >= 0) & (probabilities <= 1)).all())


def is_chosen(flight: Flight, challenge: Challenge) -> bool:
    """Whether a canary answers for a flight: always the same for the same flight, whatever else changes about it."""
    subject = "|".join(str(getattr(flight, name)) for name in SUBJECT)
    number = hashlib.blake2b(f"{challenge.version}|{subject}".encode(), digest_size=8).digest()
    return int.from_bytes(number) < challenge.share * 2**64
