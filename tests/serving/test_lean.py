"""Bodies are taken whole, in time, of bounded size, and as JSON only."""

import asyncio
import http.client
import json
import random
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from flights.config import Settings
from serving import lean
from serving.refusal import Refused
from serving.request import example
from tests.serving.bad_input import Reply, send
from tests.serving.running import Server
from tests.serving.test_bad_input import connected
from tests.serving.test_fuzz import mutated
from tests.serving.test_request import almost_good


def body(*chunks: bytes, delay: float = 0, **headers: str) -> bytes:
    """What a request's body is, that comes in pieces."""

    async def receive():
        await asyncio.sleep(delay)
        piece = remaining.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(remaining)}

    remaining = list(chunks)
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    pairs = [(name.encode(), value.encode()) for name, value in sent.items()]
    app = FastAPI()
    app.state.settings, app.state.body_bytes = Settings(max_body_bytes=10, body_seconds=0.05), 0
    return asyncio.run(lean.body_bytes({"headers": pairs, "app": app}, receive))


def status(*chunks: bytes, **options) -> int:
    with pytest.raises(Refused) as refused:
        body(*chunks, **options)
    return refused.value.status


def test_a_body_in_pieces_is_put_together():
    """The bytes are those that were sent, whatever the pieces."""
    assert body(b'{"a"', b": 1", b"}") == b'{"a": 1}'


def test_a_body_without_a_length_is_still_bounded():
    """Chunked bodies are counted as they come, and the excess is not kept."""
    assert status(b"x" * 6, b"x" * 6, b"never asked for") == 413
    assert status(b"", content_length="11") == 413


def test_a_body_that_does_not_come_is_not_waited_for():
    """A client that stalls gets its refusal."""
    assert status(b"{", b"}", delay=1) == 408


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_taken_however_its_type_is_written(kind: str):
    """Letter case, spaces and quotation marks do not matter."""
    assert body(b"{}", content_type=kind) == b"{}"


@pytest.fixture(scope="module")
def both(server: Server, plain_server: Server) -> Iterator[list[http.client.HTTPConnection]]:
    """A connection to a server with the lean way, and one to a server without it."""
    with connected(server, plain_server) as opened:
        yield opened


@settings(max_examples=200, deadline=None)
@given(row=almost_good(), damage=st.none() | st.randoms(use_true_random=False))
def test_the_lean_way_and_fastapis_own_say_the_same_of_any_body(both: list, row: dict, damage: random.Random | None):
    """Rows around the contract, whole or with bytes flipped, cut and exchanged: same status, words and answer."""
    raw = json.dumps(row).encode()
    if damage:
        raw = mutated(raw, json.dumps(example()).encode(), damage)
    for path, sent in (("/predict", raw), ("/predict/batch", b'{"flights": [' + raw + b"]}")):
        lean, plain = (said(send(one, {"path": path, "hex": sent.hex()})) for one in both)
        assert lean == plain, sent


def said(reply: Reply) -> tuple[int, str, object]:
    """Status, type and words of an answer, without the names that are made up for it."""
    content = reply.json()
    for made in (content, *content.get("predictions", [])):
        made.pop("instance", None)
        made.pop("request_id", None)
    return reply.status, reply.kind, content
