"""The service: predictions for flights, outcomes for predictions, and its health.

It starts without a champion: alive, not ready, and saying which command to run. `champion_holder.py` has the model,
`scorer.py` answers with it, `prediction_log.py` remembers; `extras/` has everything that it does besides.
"""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from flights.config import Settings
from flights.dataset import QUESTION
from flights.plugins import hooks
from serving.answer import add_routes
from serving.champion_holder import ChampionHolder
from serving.fast_path import FastPath
from serving.health import add_health_routes
from serving.prediction_log import PredictionLog
from serving.refusal import answer_problems
from serving.scorer import Scorer
from serving.service import EXTRAS, Service, follow, plug_in_extras

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}  # it would log what clients sent
SWITCH_SECONDS = 0.0005  # how long the log's thread waits for the event loop to release the interpreter
GC_OBJECTS = 50_000  # new objects between two searches for cycles; requests form none
DRAIN_SECONDS = 20  # how long a request may still take after SIGTERM


def main() -> None:
    """Serve on HOST and PORT until stopped."""
    settings = Settings.read()
    check_port(settings.host, settings.port)
    for start_log in hooks(EXTRAS, "start_log"):
        start_log()
    service = create_service(settings)
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "proxy_headers": False, "server_header": False}
    server: dict[str, Any] = {"loop": "uvloop", "http": service.protocol, "ws": "none"}
    uvicorn.run(
        service.app, host=settings.host, port=settings.port, timeout_graceful_shutdown=DRAIN_SECONDS, **server, **quiet
    )


def check_port(host: str, port: int) -> None:
    """Exit with one line if another process listens on the port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"cannot listen on {host}:{port} ({error.strerror}): run `make serve PORT={port + 1}`")


def create_app(settings: Settings) -> FastAPI:
    """Build the service's application."""
    return create_service(settings).app


def create_service(settings: Settings) -> Service:
    """Build the service; it loads the champion when it starts."""
    holder = ChampionHolder(settings.models_dir, settings.follow_seconds)
    log = PredictionLog(settings.log_url)
    scorer = Scorer(holder, log, settings.max_waiting_rows)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        holder.follow()
        scorer.log_thread.executor.submit(log.check)
        work = [start() for start in service.background]
        work += [follow(each, settings.follow_seconds) for each in service.followers]
        tasks = [asyncio.create_task(each) for each in work]
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()  # what exists now stays: a full collection would take 65 ms
        gc.set_threshold(GC_OBJECTS)
        yield
        for task in tasks:
            task.cancel()
        scorer.log_thread.executor.shutdown()
        log.close()

    app = FastAPI(
        title=QUESTION,
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's pages load scripts from elsewhere; a plug-in has our own
        redoc_url=None,
        telemetry=NO_TELEMETRY,
    )
    service = Service(app, settings, holder, scorer, log, followers=[holder])
    add_routes(service)
    add_health_routes(service)
    app.add_middleware(FastPath, service=service)
    plug_in_extras(service)  # their middleware sees a request first
    answer_problems(app, service.refuse)
    return service


if __name__ == "__main__":
    main()
