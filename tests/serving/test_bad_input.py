"""Every kind of bad input gets its 4xx in a small fixed body, and the connection goes on working."""

import asyncio
import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from serving.request import Flight
from tests.serving.bad_input import GOOD, MARKER, body, cases, send
from tests.serving.running import Server

pytestmark = pytest.mark.exhibit

CASES = {case["name"]: case for case in cases()}


@contextmanager
def connected(*servers: Server) -> Iterator[list[http.client.HTTPConnection]]:
    """One connection to each server."""
    opened = [http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20) for server in servers]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


def test_the_corpus_has_at_least_250_cases():
    """Names are unique, so that a failure says which input it was."""
    assert len(CASES) == len(cases()) >= 250


@pytest.mark.parametrize("group", sorted({name.split(":")[0] for name in CASES}))
def test_bad_input_gets_its_refusal_and_the_next_request_works(server: Server, group: str):
    """The right status, the field's name, nothing of the input, and no harm done."""
    with connected(server) as (connection,):
        for name, case in CASES.items():
            if name.split(":")[0] == group:
                check(name, case, connection)


def check(name: str, case: dict, connection: http.client.HTTPConnection) -> None:
    reply = send(connection, case)
    assert reply.status == case["status"], (name, reply)
    assert len(reply.body) < 4000, name
    assert MARKER.encode() not in reply.body, name
    if case.get("method") != "HEAD":
        assert reply.kind == "application/problem+json", name
    if "field" in case:
        assert case["field"] in [error["field"] for error in reply.json()["errors"]], (name, reply)
    good = send(connection, {})
    assert good.status == 200, name
    assert 0 <= good.json()["probability"] <= 1


def careless() -> FastAPI:
    """FastAPI with the same body model, and none of the service's own checks."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(flight: Flight) -> dict[str, float]:
        return {"probability": 0.5}

    return app


def test_without_the_checks_the_same_corpus_breaks_a_server():
    """The positive control: FastAPI with the same body model and no care answers 5xx, and repeats what was sent."""

    async def replies() -> list[httpx.Response]:
        transport = httpx.ASGITransport(careless(), raise_app_exceptions=False)
        headers = {"Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://careless") as client:
            sent = [case for case in cases() if not {"method", "path", "headers"} & set(case)]
            return [await client.post("/predict", content=body(case), headers=headers) for case in sent]

    seen = asyncio.run(replies())
    assert sum(reply.status_code >= 500 for reply in seen) >= 10
    assert any(MARKER.encode() in reply.content for reply in seen)
    assert any(reply.status_code == 200 for reply in seen)  # a key given twice, for one


@pytest.mark.parametrize("case", cases(GOOD), ids=lambda case: case["name"])
def test_what_looks_odd_and_is_allowed_is_answered(server: Server, case: dict):
    """What means the same as the example gets the example's probability."""
    with connected(server) as (connection,):
        reply = send(connection, case)
        assert reply.status == 200, reply
        if case.get("same"):
            assert reply.json()["probability"] == send(connection, {}).json()["probability"]
