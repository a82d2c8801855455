"""One route for bodies: JSON only, whole, and refused before it is parsed if there is no room."""

import asyncio
import http.client
import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flights.registry import Model
from serving.fast_path import Endpoint, FastPath, check_type, parse, whole_body
from serving.prediction_log import PredictionLog
from serving.refusal import Refused, problem_response
from serving.request import MAX_ROWS, Flight, Flights, Outcomes, example
from tests.serving.bad_input import send
from tests.serving.running import Server
from tests.serving.test_bad_input import connected
from tests.serving.test_fuzz import MODELS, almost_good_outcome, check, in_its_place, mutated
from tests.serving.test_request import almost_good
from tests.serving.test_scorer import a_scorer


def received(*chunks: bytes):
    """What a request's body is, that comes in pieces."""

    async def receive():
        piece = remaining.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(remaining)}

    remaining = list(chunks)
    return receive


def test_a_body_in_pieces_is_put_together():
    """The bytes are those that were sent, whatever the pieces."""
    assert asyncio.run(whole_body({}, received(b'{"a"', b": 1", b"}"), 1)) == b'{"a": 1}'


def test_a_body_that_is_cut_off_is_refused():
    """A client that vanishes half way."""

    async def receive():
        return {"type": "http.disconnect"}

    with pytest.raises(Refused, match="whole body"):
        asyncio.run(whole_body({}, receive, 1))


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_taken_however_its_type_is_written(kind: str):
    """Letter case, spaces and quotation marks do not matter."""
    check_type({"headers": [(b"content-type", kind.encode())]})


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    """A connection that survives everything."""
    with connected(server) as (opened,):
        yield opened


@settings(max_examples=200, deadline=None)
@given(row=almost_good(), damage=st.none() | st.randoms(use_true_random=False))
def test_any_body_is_answered_or_refused_as_the_contract_says(connection, row: dict, damage: random.Random | None):
    """Rows around the contract, whole or with bytes flipped, cut and exchanged, alone and in a batch."""
    raw = json.dumps(row).encode()
    if damage:
        raw = mutated(raw, json.dumps(example()).encode(), damage)
    for path in ("/predict", "/predict/batch"):
        sent = in_its_place(path, raw)
        check(send(connection, {"path": path, "hex": sent.hex()}), sent, MODELS[path])


@settings(max_examples=100, deadline=None)
@given(outcome=almost_good_outcome(), damage=st.none() | st.randoms(use_true_random=False))
def test_any_outcome_is_taken_or_refused_as_the_contract_says(connection, outcome: dict, damage: random.Random | None):
    """As for flights: outcomes around the contract, whole or damaged."""
    raw = json.dumps({"outcomes": [outcome]}).encode()
    if damage:
        raw = mutated(raw, raw, damage)
    check(send(connection, {"path": "/outcomes", "hex": raw.hex()}), raw, Outcomes)


def test_a_full_service_refuses_before_it_reads(model: Model, tmp_path: Path):
    """Where no row has room, a body is told to come back whatever is in it; outcomes are no predictions."""
    scorer = a_scorer(model, PredictionLog(f"sqlite:///{tmp_path}/predictions.db"), max_waiting_rows=10)
    scorer._rows = 10

    async def taken(_) -> bytes:
        return b"taken"

    endpoints = {
        "/predict": Endpoint(taken, Flight, 1, scorer.check_capacity),
        "/predict/batch": Endpoint(taken, Flights, MAX_ROWS, scorer.check_capacity),
        "/outcomes": Endpoint(taken, Outcomes, MAX_ROWS),
    }

    service = SimpleNamespace(endpoints=endpoints, read_body=whole_body, parse=parse, refuse=problem_response)

    def status(path: str, raw: bytes) -> int:
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"content-type", b"application/json")]}
        asyncio.run(FastPath(None, service)(scope, received(raw), send))
        if sent[0]["status"] == 503:
            assert (b"retry-after", b"1") in sent[0]["headers"]
        return sent[0]["status"]

    assert status("/predict", b"no JSON") == 503
    assert status("/predict/batch", b'{"flights": [{"no": "flight"}]}') == 503
    assert status("/outcomes", b"no JSON") == 400


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metrics", "/", "/model", "/openapi.json", "/page.css"]
)
def test_head_gets_the_headers_of_get(client: httpx.Client, path: str):
    """Every page has them: the same status, type and length, and no body."""
    got, asked = client.get(path), client.head(path)
    assert asked.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-type"] == got.headers["content-type"]
    assert path == "/metrics" or asked.headers["content-length"] == got.headers["content-length"]
    assert client.get("/health/live").status_code == 200  # on the same connection


def test_head_of_nothing_is_refused(client: httpx.Client):
    """What GET refuses, HEAD refuses."""
    assert client.head("/nothing").status_code == 404
    assert client.head("/predict").status_code == 405
