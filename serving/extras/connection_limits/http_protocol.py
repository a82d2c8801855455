"""uvicorn's HTTP protocol, except that it ignores every offer of another protocol (RFC 9110, section 7.8).

httptools stops at the end of the headers of a request with an offer, so that its body would be taken for another
protocol's bytes. Such a request is parsed a second time, without the offer.
"""

import sys
from collections import deque

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFER = {b"upgrade", b"http2-settings"}  # headers that are left out the second time


class HttpProtocol(HttpToolsProtocol):
    """One client's connection."""

    def data_received(self, data: bytes) -> None:
        """Parse what came; of a request with an offer its head is parsed again, then what came after it."""
        self._pieces: deque[bytes | memoryview] = deque([data])
        while self._pieces and not self.transport.is_closing():
            self._piece = self._pieces.popleft()
            super().data_received(self._piece)  # type: ignore[arg-type]

    def handle_websocket_upgrade(self) -> None:
        """Put the request's head back without its offer; uvicorn calls this in the handler of httptools' exception."""
        stopped = sys.exception()
        assert isinstance(stopped, httptools.HttpParserUpgrade)  # noqa: S101
        line = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        kept = [b"%b: %b\r\n" % (name, value) for name, value in self.headers if name not in OFFER]
        self._pieces.extendleft([memoryview(self._piece)[stopped.args[0] :], b"".join([line, *kept, b"\r\n"])])

    def has_offer(self) -> bool:
        """Whether the request whose headers are complete is going to be parsed again."""
        return bool(self.parser.should_upgrade() and self._should_upgrade())

    def _should_upgrade(self) -> bool:
        return bool(self.parser.get_method() != b"CONNECT")  # that is no offer, and parsing it again ends the same
