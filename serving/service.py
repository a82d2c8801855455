"""The parts of a running service, and how the extras plug into them.

Each module in `extras/` has a `plug_in`; delete one, or all, and the service does without it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI

from flights.config import Settings
from serving.active import Active
from serving.metrics import Metrics
from serving.prediction_log import PredictionLog
from serving.scorer import Scorer

EXTRAS = Path(__file__).parent / "extras"


class Follower(Protocol):
    """What looks at the registry every FOLLOW_SECONDS, in a thread."""

    def follow(self) -> None:
        """Take over what is new."""


@dataclass(frozen=True)
class Service:
    """One service: what it is made of, and what extras add to it."""

    app: FastAPI
    settings: Settings
    active: Active
    scorer: Scorer
    log: PredictionLog
    metrics: Metrics
    followers: list[Follower] = field(default_factory=list)
    details: dict[str, Callable[[], str]] = field(default_factory=dict)  # what readiness says besides


def plug_in_extras(service: Service) -> None:
    """Let every extra add itself."""
    for file in sorted(EXTRAS.glob("[a-z]*.py")):
        import_module(f"serving.extras.{file.stem}").plug_in(service)
