"""The service: predictions for flights, outcomes for predictions, and how it is doing.

It starts without a champion: alive, not ready, and saying which command to run. Who answers is in `active.py`, how in
`scorer.py`, what is remembered in `prediction_log.py`.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Response

from flights.config import Settings
from flights.predictions import Outcome, timestamp
from serving.active import Active
from serving.answer import Answer, Answers, Receipt, answer
from serving.lean import LeanRoute, PlainRoute
from serving.metrics import Metrics
from serving.prediction_log import LogUnavailable, PredictionLog
from serving.refusal import Refused, answer_problems, problems
from serving.request import Flight, Flights, Outcomes, example
from serving.scorer import Scorer, log_unavailable
from serving.server_log import start_log

FOLLOW_SECONDS = 1.0  # how often the registry is asked for a new champion
DRAIN_SECONDS = 20  # how long a request may still take after SIGTERM


def main() -> None:
    """Serve on HOST and PORT until told to stop."""
    settings = Settings()
    start_log(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def create_app(settings: Settings) -> FastAPI:
    """Build the service; it loads the champion when it starts."""
    active = Active(settings.models_dir)
    log = PredictionLog(settings.log_url)
    metrics = Metrics()
    scorer = Scorer(active, log, metrics, settings.max_waiting_rows)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        active.follow()
        following = asyncio.create_task(follow(active))
        gc.collect()
        gc.freeze()  # what is there now stays: a full collection would take 65 ms
        yield
        following.cancel()
        scorer.thread.shutdown()
        log.close()

    app = FastAPI(title="Late flights", version="1", lifespan=lifespan, redirect_slashes=False)
    app.include_router(prediction_routes(scorer, lean=settings.lean_route))
    app.include_router(outcome_routes(scorer, log, metrics))
    app.include_router(health_routes(active, scorer, log, metrics))
    answer_problems(app, metrics)
    return app


async def follow(active: Active) -> None:
    """Take over new champions for as long as the service runs."""
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        await asyncio.to_thread(active.follow)


def prediction_routes(scorer: Scorer, *, lean: bool) -> APIRouter:
    """One flight, and several."""
    router = APIRouter(route_class=LeanRoute if lean else PlainRoute, tags=["predictions"], responses=problems())

    @router.post("/predict", openapi_extra=example_body(example()))
    async def predict(flight: Flight) -> Answer:
        """Predict one flight; the answer is in the log before it leaves."""
        (prediction,) = await scorer.predictions([flight])
        return answer(prediction)

    @router.post("/predict/batch", openapi_extra=example_body({"flights": [example()]}))
    async def predict_batch(flights: Flights) -> Answers:
        """Predict several flights, all or none."""
        return Answers(predictions=[answer(prediction) for prediction in await scorer.predictions(flights.flights)])

    return router


def outcome_routes(scorer: Scorer, log: PredictionLog, metrics: Metrics) -> APIRouter:
    """What really happened."""
    router = APIRouter(route_class=PlainRoute, tags=["outcomes"], responses=problems())

    @router.post("/outcomes")
    async def outcomes(outcomes: Outcomes) -> Receipt:
        """Take outcomes as they come: late, twice, out of order, of unknown predictions; the latest known counts."""
        now = datetime.now(UTC)
        arrivals = (timestamp(now + timedelta(microseconds=place)) for place in range(len(outcomes.outcomes)))
        rows = [
            Outcome(one.request_id, timestamp(one.known_at), one.arrival_delay, arrival)
            for one, arrival in zip(outcomes.outcomes, arrivals, strict=True)
        ]
        try:
            repeated, unknown = await asyncio.wrap_future(scorer.thread.submit(log.write_outcomes, rows))
        except LogUnavailable:
            raise log_unavailable() from None
        metrics.outcomes.inc(len(rows) - repeated)
        return Receipt(accepted=len(rows) - repeated, repeated=repeated, unknown=unknown)

    return router


def health_routes(active: Active, scorer: Scorer, log: PredictionLog, metrics: Metrics) -> APIRouter:
    """How the service is doing."""
    router = APIRouter(tags=["service"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "live"}

    @router.get("/health/ready", responses=problems(503))
    async def ready() -> dict[str, str]:
        """Tell whether predictions can be given: there is a model, and the log can be written."""
        if active.model is None:
            raise Refused(503, "Not ready", active.why_not(), retry_after=5)
        if not log.available and not await asyncio.wrap_future(scorer.thread.submit(log.check)):
            raise log_unavailable()
        return {"status": "ready", "refused": active.refused}

    @router.get("/model", responses=problems(503))
    async def model() -> dict[str, Any]:
        """Describe the model that answers."""
        if active.model is None:
            raise Refused(503, "No model", active.why_not(), retry_after=5)
        return {
            "version": active.model.version,
            "digest": active.model.digest,
            "threshold": active.model.threshold,
            "refused": active.refused,
            "manifest": active.model.manifest,
        }

    @router.get("/metrics")
    async def prometheus() -> Response:
        """Metrics in Prometheus' text format."""
        metrics.model_version.set(active.model.version if active.model else 0)
        metrics.log_available.set(log.available)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def example_body(body: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI's example of a body."""
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


if __name__ == "__main__":
    main()
