"""Bodies are taken whole, in time, of bounded size, and as JSON only."""

import asyncio
import http.client
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import State

from flights.config import Settings
from flights.registry import Model
from serving import lean
from serving.prediction_log import PredictionLog
from serving.refusal import Refused
from serving.request import Flight, Flights, Outcomes, example
from serving.scorer import Scorer
from tests.serving.bad_input import Reply, send
from tests.serving.running import Server
from tests.serving.test_bad_input import connected
from tests.serving.test_fuzz import almost_good_outcome, mutated
from tests.serving.test_request import almost_good
from tests.serving.test_scorer import a_scorer


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
    app.state.large_body = asyncio.Lock()
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


@settings(max_examples=100, deadline=None)
@given(outcome=almost_good_outcome(), damage=st.none() | st.randoms(use_true_random=False))
def test_both_ways_say_the_same_of_any_outcome(both: list, outcome: dict, damage: random.Random | None):
    """As for flights: outcomes around the contract, whole or damaged; what is new to one log is new to the other."""
    raw = json.dumps({"outcomes": [outcome]}).replace("landed", "told-both").encode()
    if damage:
        raw = mutated(raw, raw, damage)
    lean, plain = (said(send(one, {"path": "/outcomes", "hex": raw.hex()})) for one in both)
    assert lean == plain, raw


def said(reply: Reply) -> tuple[int, str, object]:
    """Status, type and words of an answer, without the names that are made up for it."""
    content = reply.json()
    for made in (content, *content.get("predictions", [])):
        made.pop("instance", None)
        made.pop("request_id", None)
    return reply.status, reply.kind, content


def test_large_bodies_are_taken_one_in_a_turn():
    """However many are whole at once, the event loop hears everybody else between two of them."""
    size = lean.SMALL_BODY + 1
    app = FastAPI()
    app.state.settings, app.state.body_bytes, app.state.large_body = Settings(), 0, asyncio.Lock()
    turns: list[int] = []
    turn = 0

    async def take():
        async def receive():
            return {"type": "http.request", "body": b" " * size}

        await lean.body_bytes({"headers": [(b"content-type", b"application/json")], "app": app}, receive)
        turns.append(turn)

    async def count():
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def all_at_once():
        counting = asyncio.create_task(count())
        await asyncio.gather(*[take() for _ in range(20)])
        counting.cancel()

    asyncio.run(all_at_once())
    assert len(set(turns)) == 20
    assert app.state.body_bytes == 0


def test_a_full_service_refuses_before_it_reads(model: Model, tmp_path: Path):
    """Where no row has room, a batch is told to come back whatever is in it; outcomes are no predictions."""
    state = State()
    state.admit = full_scorer(model, tmp_path).admit
    for body_model, raw in ((Flight, b"no JSON"), (Flights, b'{"flights": [{"no": "flight"}]}')):
        with pytest.raises(Refused) as refused:
            lean.admit(raw, body_model, state)
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
    lean.admit(b"no JSON", Outcomes, state)


def full_scorer(model: Model, folder: Path) -> Scorer:
    """A scorer with as many rows waiting as it takes."""
    scorer = a_scorer(model, PredictionLog(f"sqlite:///{folder}/predictions.db"), max_waiting_rows=10)
    scorer._rows = 10
    return scorer
