"""A load generator: some connections, each asking again as soon as it is answered, for a window of time."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import cast

import uvloop

from monitoring.client import request_headers


@dataclass
class Window:
    """What one window of load saw."""

    seconds: float
    latencies: list[float] = field(default_factory=list)  # seconds
    failures: int = 0
    cpu: float = 0.0  # seconds that the server computed meanwhile

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """A latency, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


class Client(asyncio.Protocol):
    """One connection: it reads only as much of an answer as tells where the answer ends."""

    def __init__(self, requests: Iterator[bytes], window: Window, ends: float):
        self._requests, self._window, self._ends = requests, window, ends
        self._buffer, self._length, self._sent = b"", -1, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one, but not by its class
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Ask again when the whole answer is there."""
        self._buffer += data
        if self._length < 0:
            head, found, _ = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self._window.failures += not head.startswith(b"HTTP/1.1 200")
            self._length = len(head) + 4 + int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._buffer) >= self._length:
            now = time.perf_counter()
            self._window.latencies.append(now - self._sent)
            self._buffer, self._length = b"", -1
            if now < self._ends:
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that the server closed."""
        self._window.failures += exc is not None

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


def request(path: str, body: bytes) -> bytes:
    """One POST of JSON as bytes."""
    return requests(path, [body])[0]


def requests(path: str, bodies: Iterable[bytes]) -> list[bytes]:
    """POSTs of JSON as bytes."""
    headers = {"Host": "bench", "Content-Type": "application/json"} | request_headers()
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "Content-Length: "]
    head = "\r\n".join(lines).encode()
    return [b"%b%d\r\n\r\n%b" % (head, len(body), body) for body in bodies]


def window(port: int, asked: bytes | Iterator[bytes], connections: int, seconds: float) -> Window:
    """Load a server for some seconds, with one request again and again, or with one after the other."""
    requests = repeat(asked) if isinstance(asked, bytes) else asked

    async def load() -> Window:
        loop = asyncio.get_running_loop()
        start = time.perf_counter()
        seen = Window(seconds)
        clients = [
            await loop.create_connection(lambda: Client(requests, seen, start + seconds), "127.0.0.1", port)
            for _ in range(connections)
        ]
        await asyncio.sleep(seconds)
        while not all(transport.is_closing() for transport, _ in clients) and time.perf_counter() < start + 2 * seconds:
            await asyncio.sleep(0.01)
        for transport, _ in clients:
            transport.abort()
        seen.seconds = time.perf_counter() - start
        return seen

    return uvloop.run(load())
