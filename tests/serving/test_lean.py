"""Bodies are taken whole, in time, of bounded size, and as JSON only."""

import asyncio

import pytest
from fastapi import FastAPI

from flights.config import Settings
from serving import lean
from serving.refusal import Refused


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
    app.state.settings = Settings(max_body_bytes=10, body_seconds=0.05)
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
