"""Probe: a new champion must answer one of its golden predictions over HTTP, or the previous one answers again.

Loading has checked the model. The probe checks the whole way of a request: limits, contract, scoring, log, response.
The first load of a start is not probed, because there is nothing to go back to. The probe's rows leave the log.
"""

import http.client
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isclose
from pathlib import Path
from typing import Any, NoReturn

from prometheus_client import Counter
from pydantic import Field

from flights import portable
from flights.artifacts import read_json
from flights.batch import Batch
from flights.config import NAME, EnvironmentSettings
from flights.dataset import INPUTS
from flights.files import GOLDEN_FILE, TRAIN_FIRST
from flights.plugins import hooks
from flights.predictions import Prediction
from flights.registry import Model, ModelRefused
from serving.log_connection import LogUnavailable
from serving.request_hooks import Observer
from serving.service import Service

logger = logging.getLogger("serving")

ROWS = 5  # golden rows to ask for until the champion answers one, and no canary
PAUSE_SECONDS = 0.1  # before a busy server is asked again
ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask such a server


class Settings(EnvironmentSettings):
    """How long a probe may take."""

    probe_seconds: float = Field(
        5.0, description="For a new champion to answer its probe, or the previous one returns; 0 probes none.", ge=0
    )


class Failed(Exception):
    """The probe was answered otherwise than the model's golden predictions say."""


def plug_in(service: Service) -> None:
    """Probe every model that replaces another one."""
    seconds = Settings.read().probe_seconds
    if seconds and service.settings.port:
        probe = Probe(service, seconds)
        service.holder.preflight = probe
        service.background.append(probe.started)
        service.scorer.observers.append(probe)


class Probe(Observer):
    """Asks the running service after each swap; entered around each load, like the preflight that it goes on with."""

    def __init__(self, service: Service, seconds: float):
        self._service, self._seconds = service, seconds
        self._preflight = service.holder.preflight
        self._serving = False
        self._failed: dict[int, str] = {}  # versions that failed, and the newest entry of the history
        self._ids: set[str] = set()  # request IDs of probes whose rows are still to leave the log
        self._failures = Counter(
            "model_probe_failures", "Swaps that were undone because the probe failed", registry=service.registry
        )

    async def started(self) -> None:
        """From now on there is a server to ask."""
        self._serving = True

    @contextmanager
    def __call__(self, models_dir: Path, version: int) -> Iterator[None]:
        """Probe a model after it replaced another one in the block; one that failed waits for the next promotion."""
        entry = max((path.name for path in (models_dir / NAME / "history").glob("*.json")), default="")
        if self._failed.get(version) == entry:
            raise ModelRefused(f"version {version} failed its probe: promote another one, or this one again")
        holder = self._service.holder
        before = holder.model
        with self._preflight(models_dir, version):
            yield
        if not self._serving or holder.model is None or holder.model is before:  # a shadow was loaded, no champion
            return
        try:
            self._check(holder.model)
        except (Failed, OSError, http.client.HTTPException) as error:
            holder.model = before
            if isinstance(error, (Failed, TimeoutError)):
                self._failed[version] = entry
            self._report(version, before, error)
        self._service.details.pop("probe", None)

    def _report(self, version: int, before: Model | None, error: Exception) -> NoReturn:
        """Say in log, metric and readiness that the previous model answers again."""
        reason = str(error) if isinstance(error, Failed) else f"no answer within {self._seconds:g} s: {error}"
        back = f"version {before.version} answers again" if before else "no model answers"
        said = f"version {version} failed its probe ({reason}); {back}"
        self._failures.inc()
        self._service.details["probe"] = lambda: said
        logger.error("probe failed", extra={"version": version, "reason": reason, "answers": back})
        raise ModelRefused(said) from error

    def _check(self, model: Model) -> None:
        """Ask for golden predictions until the champion answers one.

        Raises
        ------
        Failed
            The answer is not 200 with the golden probability.
        OSError, HTTPException
            There was no answer in time.
        """
        golden = read_json(model.folder / GOLDEN_FILE, TRAIN_FIRST)
        for row, expected in list(zip(golden["inputs"], golden["probabilities"], strict=True))[:ROWS]:
            try:
                status, answer = self._answer(row)
            except ConnectionRefusedError:
                logger.warning("no probe: nothing listens on HOST and PORT", extra={"version": model.version})
                return
            if status != 200:
                raise Failed(f"status {status}: {answer.get('title')}")
            if answer["served_by"] == "canary":
                continue
            if answer["model_version"] != model.version:
                raise Failed(f"answered by version {answer['model_version']} ({answer['served_by']})")
            if not isclose(answer["probability"], expected, rel_tol=0, abs_tol=portable.tolerance(model.folder)):
                raise Failed(f"probability {answer['probability']:.9f} where {expected:.9f} is golden")
            return

    def _answer(self, row: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to one golden row; a busy server is asked again while there is time."""
        name = f"probe-{os.urandom(12).hex()}"
        self._ids.add(name)
        body = json.dumps(request_body(row) | {"request_id": name})
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                status, answer, busy = self._post(body, max(deadline - time.monotonic(), PAUSE_SECONDS))
            except (TimeoutError, ConnectionRefusedError):
                raise
            except (OSError, http.client.HTTPException):  # a full server closes connections
                if time.monotonic() > deadline:
                    raise
                busy = True
            if not busy:
                return status, answer
            if time.monotonic() > deadline:
                raise BlockingIOError("the server is too busy")
            time.sleep(PAUSE_SECONDS)

    def _post(self, body: str, seconds: float) -> tuple[int, dict[str, Any], bool]:
        """Post to /predict; returns status, body, and whether the client is told to come back."""
        settings = self._service.settings
        host = ANY_ADDRESS.get(settings.host, settings.host)
        headers = {"Content-Type": "application/json", "Connection": "close"}
        for add in hooks("flights.extras", "request_headers"):  # such as an API key
            headers.update(add())
        connection = http.client.HTTPConnection(host, settings.port, timeout=seconds)
        try:
            connection.request("POST", "/predict", body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            return response.status, answer, response.status == 503 and response.headers["Retry-After"] is not None
        finally:
            connection.close()

    def answered(self, predictions: list[Prediction] | Batch, seconds: float) -> None:
        """Delete a probe's row from the log, also if its answer came too late."""
        if self._ids and isinstance(predictions, list) and predictions[0].request_id in self._ids:
            name = predictions[0].request_id
            self._ids.discard(name)
            self._service.scorer.log_thread.executor.submit(self._forget, name)

    def _forget(self, name: str) -> None:
        log = self._service.log
        with suppress(LogUnavailable), log.transaction() as cursor:
            cursor.execute(f"DELETE FROM predictions WHERE request_id = {log.dialect.mark}", (name,))  # noqa: S608


def request_body(row: dict[str, Any]) -> dict[str, Any]:
    """A golden row as a client would send it: times in UTC with their zone, integers without a fraction."""
    body = {column.name: row[column.name] for column in INPUTS}
    for column in INPUTS:
        if body[column.name] is not None and column.kind == "time":
            body[column.name] = f"{body[column.name]}Z"
        elif body[column.name] is not None and column.kind == "integer":
            body[column.name] = int(body[column.name])
    return body
