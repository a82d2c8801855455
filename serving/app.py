"""The service: predictions for flights, outcomes for predictions, and how it is doing.

It starts without a champion: alive, not ready, and saying which command to run. Who answers is in `active.py`, how in
`scorer.py`, what is remembered in `prediction_log.py`.
"""

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import uvicorn
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import PlainTextResponse
from fastapi.telemetry import TelemetryConfig

from flights.batch import Batch
from flights.config import Settings
from flights.dataset import QUESTION, ROWS
from flights.predictions import Outcome, Prediction, timestamp
from flights.privacy import Pseudonym, pseudonym, pseudonym_key
from serving.active import Active
from serving.answer import Answer, Answers, Receipt, answer, batch_json
from serving.connection import BoundedConnection
from serving.lean import PlainRoute, lean
from serving.metrics import Metrics
from serving.prediction_log import LogUnavailable, PredictionLog
from serving.refusal import NOT_READY, Refused, answer_problems, problems
from serving.request import Flight, Flights, Outcomes, example
from serving.scorer import Scorer, log_unavailable
from serving.server_log import start_log
from serving.service import Follower, Service, plug_in_extras

logger = logging.getLogger("serving")

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}  # it would log what clients sent
SWITCH_SECONDS = 0.0005  # how long the log's thread waits for the event loop to let go of the interpreter
GC_OBJECTS = 50_000  # new objects between two searches for cycles; the requests' own objects form none
LATEST_COMMIT = 4.0  # seconds that a request may wait for its commit before the log counts as unavailable
DRAIN_SECONDS = 20  # how long a request may still take after SIGTERM


def main() -> None:
    """Serve on HOST and PORT until told to stop."""
    settings = Settings()
    refuse_taken_port(settings.host, settings.port)
    start_log(settings.log_level)
    app = create_app(settings)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=cast(
            type[asyncio.Protocol],
            partial(BoundedConnection, limits=settings, refused=app.state.refused, unfinished={}),
        ),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def refuse_taken_port(host: str, port: int) -> None:
    """Say it in words where somebody else listens; uvicorn says so in JSON, when all is loaded."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"cannot listen on {host}:{port} ({error.strerror}): run `make serve PORT={port + 1}`")


def create_app(settings: Settings) -> FastAPI:
    """Build the service; it loads the champion when it starts."""
    active = Active(settings.models_dir, settings.follow_seconds)
    named = names(settings.data_dir)
    log = PredictionLog(settings.log_url, named)
    metrics = Metrics()
    scorer = Scorer(active, log, metrics, settings.max_waiting_rows, named, settings.log_requests)
    metrics.watch_lag(scorer.lag)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        active.start(settings.data_dir / "4_predictions")
        scorer.thread.submit(log.check)
        background = [asyncio.create_task(follow(each, settings.follow_seconds)) for each in service.followers]
        if settings.retention_days:
            background.append(asyncio.create_task(keep_days(scorer, log, settings.retention_days)))
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()  # what is there now stays: a full collection would take 65 ms
        gc.set_threshold(GC_OBJECTS)
        yield
        for task in background:
            task.cancel()
        scorer.thread.shutdown()
        log.close()

    app = FastAPI(title=QUESTION, version="1", lifespan=lifespan, redirect_slashes=False, telemetry=NO_TELEMETRY)
    app.state.settings, app.state.refused, app.state.admit = settings, metrics.refused, scorer.admit
    app.state.body_bytes, app.state.large_body = 0, asyncio.Lock()
    add_prediction_routes(app.router, scorer)
    add_outcome_route(app.router, scorer, log, metrics)
    routes = [route for route in app.routes if isinstance(route, PlainRoute)]
    service = Service(app, settings, active, scorer, log, metrics, followers=[active])
    add_service_routes(service)
    plug_in_extras(service)
    refuse = answer_problems(app, metrics)
    if settings.lean_route:
        app.add_middleware(lean, routes=routes, refuse=refuse)
    return app


def names(data_dir: Path) -> Pseudonym:
    """What makes the log's pseudonyms; where their key cannot be made or read yet, it is tried at every use."""
    try:
        return pseudonym(pseudonym_key(data_dir, make=True))
    except OSError:
        later = cache(lambda: pseudonym(pseudonym_key(data_dir, make=True)))

    def named(subject: str) -> str:
        try:
            return later()(subject)
        except OSError as error:
            raise LogUnavailable(f"no key for its pseudonyms: {error}") from error

    return named


async def follow(follower: Follower, seconds: float) -> None:
    """Take over what the registry says for as long as the service runs."""
    while True:
        try:
            await asyncio.to_thread(follower.follow)
        except Exception:  # an unreadable registry is no reason to stop looking
            logger.exception("cannot follow the registry")
        await asyncio.sleep(seconds)


async def keep_days(scorer: Scorer, log: PredictionLog, days: int) -> None:
    """Delete what is older, now and every hour, in the log's own thread."""
    while True:
        cutoff = timestamp(datetime.now(UTC) - timedelta(days=days))
        with suppress(LogUnavailable):
            while await scorer.in_log(log.delete_before, cutoff):  # others write between two
                await asyncio.sleep(0)
        await asyncio.sleep(3600)


def add_prediction_routes(router: APIRouter, scorer: Scorer) -> None:
    """One flight, and several."""

    async def predict(flight: Flight) -> Answer:
        """Predict one flight; the answer is in the log before it leaves."""
        (prediction,) = cast("list[Prediction]", await scorer.predictions([flight]))
        return answer(prediction)

    async def predict_batch(flights: Flights) -> Answers | Response:
        """Predict several flights, all or none."""
        logged = await scorer.predictions(flights.flights)
        if isinstance(logged, Batch):
            return Response(batch_json(logged), media_type="application/json")
        return Answers(predictions=[answer(prediction) for prediction in logged])

    for path, endpoint, body, model in (
        ("/predict", predict, example(), Answer),
        ("/predict/batch", predict_batch, {ROWS: [example()]}, Answers),
    ):
        router.add_api_route(
            path,
            endpoint,
            response_model=model,
            methods=["POST"],
            route_class_override=PlainRoute,
            responses=problems(),
            openapi_extra=example_body(body),
        )


def add_outcome_route(router: APIRouter, scorer: Scorer, log: PredictionLog, metrics: Metrics) -> None:
    """What really happened."""

    async def outcomes(outcomes: Outcomes) -> Receipt:
        """Take outcomes as they come: late, twice, out of order, of unknown predictions; the latest known counts."""
        now = datetime.now(UTC)
        arrivals = (timestamp(now + timedelta(microseconds=place)) for place in range(len(outcomes.outcomes)))
        rows = [
            Outcome(one.request_id, timestamp(one.known_at), one.value, arrival)
            for one, arrival in zip(outcomes.outcomes, arrivals, strict=True)
        ]
        try:
            repeated, unknown = await scorer.in_log(log.write_outcomes, rows)
        except LogUnavailable:
            raise log_unavailable() from None
        metrics.outcomes.inc(len(rows) - repeated)
        return Receipt(accepted=len(rows) - repeated, repeated=repeated, unknown=unknown)

    router.add_api_route("/outcomes", outcomes, methods=["POST"], route_class_override=PlainRoute, responses=problems())


def add_service_routes(service: Service) -> None:
    """How the service is doing."""
    router, active, scorer, log = service.app.router, service.active, service.scorer, service.log
    metrics = service.metrics

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "live"}

    @router.get("/health/ready", responses=problems(503))
    async def ready() -> dict[str, str]:
        """Tell whether predictions can be given: there is a model, and the log can be written."""
        model = active.answering
        if model is None:
            raise Refused(503, NOT_READY, active.why_not(), retry_after=5)
        if not await log_can_be_written(scorer, log):
            raise Refused(503, NOT_READY, "The prediction log cannot be written.", retry_after=1)
        details = {name: say() for name, say in service.details.items()}
        return {"status": "ready", "served_by": model.served_by, "refused": active.refused} | details

    @router.get("/model", responses=problems(503))
    async def describe() -> dict[str, Any]:
        """Describe the model that answers."""
        model = active.answering
        if model is None:
            raise Refused(503, "No model", active.why_not(), retry_after=5)
        return {
            "version": model.version,
            "digest": model.digest,
            "threshold": model.threshold,
            "refused": active.refused,
            "manifest": model.manifest,
        }

    @router.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Metrics in Prometheus' text format."""
        metrics.answers(active.model)
        metrics.log_available.set(log.available)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def log_can_be_written(scorer: Scorer, log: PredictionLog) -> bool:
    """Whether it could be written last, or can be now, and answers in time."""
    if scorer.lag() > LATEST_COMMIT:
        return False
    try:
        return log.available or await scorer.in_log(log.check)
    except LogUnavailable:
        return False


def example_body(body: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI's example of a body."""
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


if __name__ == "__main__":
    main()
