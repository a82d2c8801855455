"""What a client may do to a connection: uvicorn's HTTP protocol with limits on headers, connections and requests.

uvicorn waits for ever for a request's headers, keeps them however long they get, and knows no limit that health checks
are exempt from. Limits on the body are in `lean.py`, since they need an answer of their own.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from flights.config import Settings

REFUSAL = b'{"type":"about:blank","title":"Overloaded","status":503,"detail":"Too many requests are under way."}'
TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedConnection(HttpToolsProtocol):
    """One client's connection."""

    def __init__(self, *arguments: Any, limits: Settings, refused: Callable[[int], None], **options: Any):
        super().__init__(*arguments, **options)
        self._limits, self._refused = limits, refused  # the latter is told each refusal's status

    def connection_made(self, transport: Any) -> None:
        """Wait for headers, but not for ever, and not with any number of others."""
        super().connection_made(transport)
        self._service = self.app
        self._served = False  # whether a request's headers ever came
        self._timer = self.loop.call_later(self._limits.header_seconds, self._give_up)
        self._header_bytes = 0
        if len(self.connections) > self._limits.max_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Count what comes before the headers are complete."""
        if not self._timer.cancelled():
            self._header_bytes += len(data)
        super().data_received(data)
        if self._header_bytes > self._limits.max_header_bytes and not self._timer.cancelled():
            self._refused(431)
            self.transport.write(TOO_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the headers of the next request."""
        super().on_message_begin()
        self._timer.cancel()
        self._timer = self.loop.call_later(self._limits.header_seconds, self._give_up)
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        """Hand the request to the service, or shed it."""
        self._timer.cancel()
        self._served = True
        busy = len(self.tasks) >= self._limits.max_requests and not self.url.startswith(b"/health/")
        self.app = overloaded if busy else self._service
        if busy:
            self._refused(503)
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        self._timer.cancel()
        self.transport.abort()

    def _make_room(self) -> None:
        """Close a connection on which nothing is under way, sooner one that never had a request."""
        others: set[Any] = self.connections - {self}
        idle = [one for one in others if one.cycle is None or one.cycle.response_complete]
        min(idle, key=lambda one: one._served, default=self).transport.abort()


async def overloaded(scope: Any, receive: Any, send: Any) -> None:
    """Tell a client to come back: an ASGI application that costs next to nothing."""
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(REFUSAL)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSAL})
