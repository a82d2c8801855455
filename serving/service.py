"""The parts of a running service, to which the plug-ins in `serving/extras/` add theirs."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.responses import Response
from prometheus_client import CollectorRegistry

from flights.config import Settings
from flights.contract import TABLE
from flights.plugins import hooks, load_plugins
from serving.champion_holder import ChampionHolder
from serving.fast_path import Endpoint, Parse, ReadBody, parse, whole_body
from serving.prediction_log import PredictionLog
from serving.refusal import Refused, problem_response
from serving.scorer import Scorer

logger = logging.getLogger("serving")

EXTRAS = "serving.extras"
GUARDS = {  # a setting that somebody relies on: the plug-in that keeps it
    "ADMIN_TOKEN": "admin",
    "API_KEYS": "api_keys",
    "MAX_BODY_BYTES": "body_limits",
    "MAX_CONNECTIONS": "connection_limits",
    "MAX_REQUESTS": "connection_limits",
    "PSEUDONYM_KEY": "pseudonyms",
    "RETENTION_DAYS": "retention",
}


class Follower(Protocol):
    """Looks at the registry every FOLLOW_SECONDS, in a thread."""

    def follow(self) -> None:
        """Take over what is new."""


@dataclass
class Service:
    """One service: what it is made of, and the slots for plug-ins."""

    app: FastAPI
    settings: Settings
    holder: ChampionHolder
    scorer: Scorer
    log: PredictionLog
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)  # of Prometheus' metrics
    endpoints: dict[str, Endpoint] = field(default_factory=dict)  # of the fast path
    read_body: ReadBody = whole_body
    parse: Parse = parse
    protocol: Any = "httptools"  # of a connection: uvicorn's, or a class
    followers: list[Follower] = field(default_factory=list)
    background: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)  # until the service ends
    details: dict[str, Callable[[], str]] = field(default_factory=dict)  # added to what readiness says

    def refuse(self, refused: Refused) -> Response:
        """The response of a refusal; the observers are told."""
        self.count_refusal(refused.status)
        return problem_response(refused)

    def count_refusal(self, status: int) -> None:
        """Tell the observers of a refusal."""
        for observer in self.scorer.observers:
            observer.refused(status)


def plug_in_extras(service: Service) -> None:
    """Let every plug-in add itself.

    Raises
    ------
    SystemExit
        A guard is configured whose plug-in was deleted.
    """
    names = {module.__name__.removeprefix(f"{EXTRAS}.") for module in load_plugins(EXTRAS)}
    for variable, name in GUARDS.items():
        if os.environ.get(variable) and name not in names:
            raise SystemExit(f"{variable} is set, but serving/extras/{name}.py is missing: restore it or unset it")
    if (personal := [column.name for column in TABLE if column.personal]) and "pseudonyms" not in names:
        logger.warning("personal columns are logged in the clear", extra={"columns": sorted(personal)})
    for plug_in in hooks(EXTRAS, "plug_in"):
        plug_in(service)


async def follow(follower: Follower, seconds: float) -> None:
    """Let a follower look at the registry for as long as the service runs."""
    while True:
        try:
            await asyncio.to_thread(follower.follow)
        except Exception:  # an unreadable registry is no reason to stop looking
            logger.exception("cannot follow the registry")
        await asyncio.sleep(seconds)
