"""Every kind of bad input gets its 4xx in a small fixed body, and the connection goes on working."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from extras.benchmarks.rivals import constant
from serving.request import example
from tests.serving.bad_input import GOOD, MARKER, Reply, body, cases, send
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


def without_name(reply: Reply) -> dict:
    return {key: value for key, value in reply.json().items() if key != "instance"}


def test_the_corpus_has_at_least_250_cases():
    """Names are unique, so that a failure says which input it was."""
    assert len(CASES) == len(cases()) >= 250


@pytest.mark.parametrize("group", sorted({name.split(":")[0] for name in CASES}))
def test_bad_input_gets_its_refusal_and_the_next_request_works(server: Server, plain_server: Server, group: str):
    """The right status, the field's name, nothing of the input, the same from both routes, and no harm done."""
    with connected(server, plain_server) as (lean, plain):
        for name, case in CASES.items():
            if name.split(":")[0] == group:
                check(name, case, lean, plain)


def check(name: str, case: dict, lean: http.client.HTTPConnection, plain: http.client.HTTPConnection) -> None:
    reply = send(lean, case)
    assert reply.status == case["status"], (name, reply)
    assert len(reply.body) < 4000, name
    assert MARKER.encode() not in reply.body, name
    if case.get("method") != "HEAD":
        assert reply.kind == "application/problem+json", name
        assert without_name(reply) == without_name(send(plain, case)), name
    if "field" in case:
        assert case["field"] in [error["field"] for error in reply.json()["errors"]], (name, reply)
    good = send(lean, {})
    assert good.status == 200, name
    assert 0 <= good.json()["probability"] <= 1


def test_without_the_checks_the_same_corpus_breaks_a_server():
    """The positive control: FastAPI with the same body model and no care answers 5xx, and repeats what was sent."""

    async def replies() -> list[httpx.Response]:
        transport = httpx.ASGITransport(constant(), raise_app_exceptions=False)
        headers = {"Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://careless") as client:
            sent = [case for case in cases() if not {"method", "path", "headers"} & set(case)]
            return [await client.post("/predict", content=body(case), headers=headers) for case in sent]

    seen = asyncio.run(replies())
    assert sum(reply.status_code >= 500 for reply in seen) >= 10
    assert any(MARKER.encode() in reply.content for reply in seen)
    assert any(reply.status_code == 200 for reply in seen)  # a key given twice, for one


@pytest.mark.parametrize("case", cases(GOOD), ids=lambda case: case["name"])
def test_what_looks_odd_and_is_allowed_is_answered(server: Server, plain_server: Server, case: dict):
    """Both routes answer it alike; what means the same as the example gets the example's probability."""
    with connected(server, plain_server) as (lean, plain):
        replies = send(lean, case), send(plain, case)
        assert [reply.status for reply in replies] == [200, 200], replies
        probabilities = {reply.json()["probability"] for reply in replies}
        assert len(probabilities) == 1
        if case.get("same"):
            assert probabilities == {send(lean, {}).json()["probability"]}


def test_good_requests_get_the_same_answers_from_both_routes(server: Server, plain_server: Server):
    """The lean route leaves out work, not meaning."""
    with connected(server, plain_server) as connections:
        for change in ({}, {"tailnum": None}, {"dest": "ZZZ"}, {"request_id": "both-routes"}):
            case = {"raw": json.dumps(example() | change)}
            lean, plain = (send(connection, case).json() for connection in connections)
            if "request_id" not in change:
                del lean["request_id"], plain["request_id"]
            assert lean == plain


def test_both_routes_are_documented_alike(server: Server, plain_server: Server):
    """The OpenAPI document does not tell which route answers."""
    with connected(server, plain_server) as connections:
        lean, plain = (send(each, {"method": "GET", "path": "/openapi.json"}).json() for each in connections)
    assert lean == plain
