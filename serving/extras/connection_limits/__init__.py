"""Connections: limits on them, on headers and on concurrent requests, and no change of protocol."""

from functools import partial

from serving.extras.connection_limits.limits import LimitedConnection, Settings
from serving.service import Service

__all__ = ["plug_in"]


def plug_in(service: Service) -> None:
    """Let uvicorn use the limited connection."""
    refused = service.count_refusal
    service.protocol = partial(LimitedConnection, limits=Settings.read(), refused=refused, unfinished={}, unread={})
