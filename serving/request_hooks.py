"""A waiting request, and what plug-ins may hook into its way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flights.batch import Batch
from flights.predictions import Prediction
from serving.prediction_log import Logged, Scored
from serving.refusal import Refused
from serving.request import Flight

LARGE = 20  # flights from which a request is logged as one row; fewer have a row each


@dataclass
class Waiting:
    """One request: its flights, when it came (perf_counter seconds), and where its answer goes."""

    flights: Sequence[Flight]
    arrived: float
    answer: asyncio.Future[Scored]

    def is_large(self) -> bool:
        """Whether it can be logged as one row: many flights, and no request IDs of the client's."""
        return len(self.flights) >= LARGE and not any(flight.request_id for flight in self.flights)


Request = tuple[Waiting, Scored]


class Observer:
    """Notified of every event; a plug-in overrides what it needs and adds itself to the service's observers."""

    def answered(self, predictions: list[Prediction] | Batch, seconds: float) -> None:
        """One request was answered."""

    def committed(self, rows: int, seconds: float) -> None:
        """One batch of flights was committed."""

    def failed(self, nonfinite: int) -> None:
        """The model could not score one request; `rows` of its flights got no probability."""

    def refused(self, status: int) -> None:
        """One request was refused."""

    def outcomes(self, accepted: int) -> None:
        """New outcomes were accepted."""


class ShadowHook(Protocol):
    """A second version: it is asked before the log is written, and told what was answered."""

    async def override(self, requests: list[Request]) -> list[Request]:
        """Return the requests with some predictions replaced; while the hook is set, none is a `Batch`."""

    def observe(self, requests: list[Request], logged: Sequence[Logged | Refused]) -> None:
        """See what was answered."""
