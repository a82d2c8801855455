"""Limits on connections, headers and concurrent requests: uvicorn's HTTP protocol with bounds.

uvicorn waits forever for a request's headers, keeps them at any length, and its only limit applies to health checks
too. `body_limits.py` has the limits on bodies, which need an answer of their own.
"""

from collections.abc import Callable
from typing import Any

from pydantic import Field
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from flights.config import EnvironmentSettings
from serving.extras.connection_limits.http_protocol import HttpProtocol
from serving.refusal import PROBLEM_JSON, Refused, problem_response

OVERLOADED = b'{"type":"about:blank","title":"Overloaded","status":503,"detail":"Too many requests are under way."}'
REST_SECONDS = 0.2  # until the next request of a client that was told to come back is read
READ_SECONDS = 0.05  # to read what it has sent, before its connection is closed
HEAD = b"%bcontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
NO_HTTP = Refused(400, "Bad request", "Expected one HTTP/1.1 request after the other.")
TOO_LONG = Refused(431, "Request header fields too large", "Expected fewer or shorter headers.")


class Settings(EnvironmentSettings):
    """The limits."""

    max_header_bytes: int = Field(32_768, description="Largest headers of a request.", gt=0)
    header_seconds: float = Field(
        5.0, description="For a request's headers to arrive, from its first byte or the connection's start.", gt=0
    )
    max_connections: int = Field(
        1000, description="Beyond them, a connection without a request is closed for each new one.", gt=0
    )
    send_seconds: float = Field(20.0, description="For a client to read what fills its connection.", gt=0)
    max_requests: int = Field(256, description="Concurrent requests before more are told to come back.", gt=0)


class LimitedConnection(HttpProtocol):
    """One client's connection."""

    def __init__(
        self,
        *arguments: Any,
        limits: Settings,
        refused: Callable[[int], None],
        unfinished: dict[Any, None],
        unread: dict[Any, Any],
        **options: Any,
    ):
        super().__init__(*arguments, **options)
        self._limits, self._refused = limits, refused  # the latter is told each refusal's status
        self._unread = unread  # of all connections, those whose client does not read, oldest first, and their timers
        self._unfinished = unfinished  # of all connections, those whose request's body is not complete, oldest first

    def connection_made(self, transport: Any) -> None:
        """Wait for headers, but not forever, and not with any number of others."""
        super().connection_made(transport)
        self._service = self.app
        self._rest: Any = None  # the timer of a client that was told to come back
        self.served = False  # whether a request's headers ever came
        self._in_body = False  # whether the next byte belongs to a body
        self._timer = self.loop.call_later(self._limits.header_seconds, self.give_up)
        self._header_bytes = 0
        if len(self.connections) > self._limits.max_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Count what comes before the headers are complete, and bound what waits for the rest of a body."""
        if not (self._timer.cancelled() or self._in_body):
            self._header_bytes += len(data)
        super().data_received(data)
        if self._timer.cancelled():
            if self.is_idle():  # an empty line, or more of a refused body: no request, but it ended uvicorn's own wait
                self._start_timer()
        elif self._header_bytes > self._limits.max_header_bytes:
            self._refuse(TOO_LONG)
        if self in self._unfinished and len(self._unfinished) > self._limits.max_requests:
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            self._refused(503)
            oldest.transport.abort()

    def on_message_begin(self) -> None:
        """Wait for the headers of the next request."""
        super().on_message_begin()
        self._start_timer()
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        """Hand the request to the service, or shed it."""
        if self.has_offer():  # it comes again, without the offer
            super().on_headers_complete()
            return
        self._timer.cancel()
        self.served = True
        busy = self._is_full() and not self.url.startswith(b"/health/")
        self.app = overloaded if busy else self._service
        if busy:
            self._refused(503)
        super().on_headers_complete()
        self._unfinished[self], self._in_body = None, True

    def on_message_complete(self) -> None:
        """From now on the request is the service's business."""
        self._unfinished.pop(self, None)
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A client that was rejected before the end of its body no longer counts as unfinished."""
        if self.is_idle():
            self._unfinished.pop(self, None)
        super().on_response_complete()
        if self.app is overloaded and self._is_full() and not self.transport.is_closing():
            # Reading on would lengthen this turn of the event loop, and libuv accepts one connection per turn.
            self.flow.pause_reading()
            self._rest = self.loop.call_later(REST_SECONDS, self._listen)

    def shutdown(self) -> None:
        """Close once nothing is under way; what a resting client has sent meanwhile is answered."""
        if self._rest is None:
            super().shutdown()
        else:
            self._listen()
            self.loop.call_later(READ_SECONDS, super().shutdown)

    def _is_full(self) -> bool:
        return len(self.tasks) - len(self._unfinished) - len(self._unread) >= self._limits.max_requests

    def _listen(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers and the body."""
        self._timer.cancel()
        if self._rest is not None:
            self._rest.cancel()
        self._unfinished.pop(self, None)
        self._forget_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait until the client reads, but not forever, and for no more clients than requests may be under way."""
        super().pause_writing()
        self._unread[self] = self.loop.call_later(self._limits.send_seconds, self.give_up)
        if len(self._unread) > self._limits.max_requests:
            next(iter(self._unread)).give_up()

    def resume_writing(self) -> None:
        """The client has read."""
        self._forget_unread()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP in the service's own form."""
        self._refuse(NO_HTTP)

    def _refuse(self, refused: Refused) -> None:
        """Answer in the service's place, and close."""
        if not self.transport.is_closing():
            self._refused(refused.status)
            body = bytes(problem_response(refused).body)
            head = HEAD % (STATUS_LINE[refused.status], PROBLEM_JSON.encode(), len(body))
            self.transport.write(head + body)
            self.transport.close()

    def _start_timer(self) -> None:
        self._timer.cancel()
        self._timer = self.loop.call_later(self._limits.header_seconds, self.give_up)

    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def is_resting(self) -> bool:
        """Whether its next request is not read yet."""
        return self._rest is not None

    def _forget_unread(self) -> None:
        if timer := self._unread.pop(self, None):
            timer.cancel()

    def give_up(self) -> None:
        """Close the connection, whatever is under way."""
        self._timer.cancel()
        self._forget_unread()
        self.transport.abort()

    def _make_room(self) -> None:
        """Close a connection on which nothing is under way, sooner one that never had a request."""
        others: set[Any] = self.connections - {self}
        idle = [one for one in others if one.is_idle()]
        min(idle, key=lambda one: (one.served, one.is_resting()), default=self).transport.abort()


async def overloaded(scope: Any, receive: Any, send: Any) -> None:
    """Tell a client to come back: an ASGI application that costs next to nothing."""
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(OVERLOADED)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": OVERLOADED})
