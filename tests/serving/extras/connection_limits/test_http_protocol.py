"""An offer of another protocol is ignored (RFC 9110, 7.8): the request is answered in HTTP/1.1, body and all."""

import json
import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from serving.request import example
from tests.serving.running import Server

BODY = json.dumps(example()).encode()
OFFERS = {
    "curl --http2": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n",
    "TLS": b"upgrade: TLS/1.0\r\nconnection: keep-alive, upgrade\r\n",
    "two": b"Upgrade: h2c, websocket\r\nUpgrade: foo/2\r\nConnection: upgrade\r\n",
    "empty": b"Connection: Upgrade\r\nUpgrade:\r\n",
    "none": b"",
}
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
WHOLE = b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


def request(offer: bytes, path: bytes = b"/predict", rest: bytes = WHOLE) -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\n%bContent-Type: application/json\r\n%b" % (path, offer, rest)


def statuses(server: Server, pieces: list[bytes], count: int = 1) -> list[bytes]:
    """The statuses of the answers to what is sent piece by piece."""
    parts = urlsplit(server.url)
    said = b""
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=10) as one:
        for piece in pieces:
            one.sendall(piece)
            time.sleep(0.02 if len(pieces) > 1 else 0)
        while said.count(b"HTTP/1.1 ") < count or not said.endswith(b"}"):
            more = one.recv(100_000)
            if not more:
                break
            said += more
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", said)


@pytest.mark.parametrize("rest", [WHOLE, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_an_offer_is_ignored(server: Server, offer: bytes, rest: bytes):
    """Planted: every kind of offer, with a body of known length and in chunks; two at once on one connection."""
    assert statuses(server, [request(offer, rest=rest)]) == [b"200"]
    assert statuses(server, [request(offer, rest=rest) + request(offer, b"/nothing") + request(b"")], 3) == [
        b"200",
        b"404",
        b"200",
    ]


@pytest.mark.parametrize("place", [40, 120, 180, 400], ids=str)
def test_an_offer_that_comes_in_pieces_is_ignored(server: Server, place: int):
    """Cut in a header's name, in a value, and in the body."""
    whole = request(OFFERS["curl --http2"])
    assert statuses(server, [whole[:place], whole[place : place + 20], whole[place + 20 :], request(b"")], 2) == [
        b"200",
        b"200",
    ]


def test_many_offers_at_once_are_answered(server: Server):
    """Injected: hundreds of pipelined requests with offers; none is parsed inside another."""
    get = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert statuses(server, [get * 700], 700) == [b"200"] * 700


def test_what_is_no_offer_ends_as_before(server: Server):
    """CONNECT asks for a tunnel, and two lengths are an attack: both are refused, with an offer or without."""
    assert statuses(server, [b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"]) in ([b"400"], [b"404"], [b"405"])
    two = b"Content-Length: 3\r\n" + WHOLE
    assert statuses(server, [request(OFFERS["websocket"], rest=two)]) == [b"400"]
