"""Refusals are small, name what was expected, and repeat nothing."""

import json

import httpx
import pytest

from flights.dataset import INPUTS
from serving.refusal import EXPECTED, Refused, problem_response
from serving.request import example
from tests.declared import NUMBERS
from tests.serving.running import Server

LIMITED = next(column for column in NUMBERS if column.kind == "number")
TEXT = next(column for column in INPUTS if column.categories or column.pattern)


def test_every_column_has_its_expectation():
    """A refusal can say of every field what it should have been."""
    assert {column.name for column in INPUTS} <= set(EXPECTED)


def test_a_refusal_names_field_and_expectation(client: httpx.Client):
    """RFC 9457, with the contract's own words."""
    answer = client.post("/predict", json=example() | {LIMITED.name: LIMITED.maximum + 1, TEXT.name: "zz zz"})
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (422, "Invalid request")
    expected = {error["field"]: error["expected"] for error in problem["errors"]}
    assert set(expected) == {TEXT.name, LIMITED.name}
    assert expected[LIMITED.name].startswith(f"a finite number, {LIMITED.minimum:g} to {LIMITED.maximum:g}")


def test_a_body_without_anything_right_is_refused_in_few_words(client: httpx.Client):
    """However much is wrong, the answer stays small."""
    answer = client.post("/predict", json={f"key{number}": number for number in range(5000)})
    assert answer.status_code == 422
    assert len(answer.content) < 4000


def test_the_refusal_is_found_in_the_servers_log(client: httpx.Client, server: Server):
    """The log has the refusal's name, status and fields, and nothing of what was sent."""
    problem = client.post("/predict", json=example() | {TEXT.name: "SECRET"}).json()
    (line,) = [line for line in server.log.read_text().splitlines() if problem["instance"] in line]
    entry = json.loads(line)
    assert (entry["status"], entry["fields"], entry["level"]) == (422, [TEXT.name], "warning")
    assert "SECRET" not in server.log.read_text()


@pytest.mark.parametrize("seconds", [None, 3])
def test_a_refusal_says_when_to_come_back(seconds: int | None):
    """Retry-After is there where waiting helps."""
    response = problem_response(Refused(503, "title", "detail", retry_after=seconds))
    assert response.headers.get("retry-after") == (None if seconds is None else "3")


def test_bad_input_is_no_exception(server: Server, client: httpx.Client):
    """What clients do wrong leaves no traceback in the server's log."""
    before = server.log.read_text().count("Traceback")
    client.post("/predict", content=b"{", headers={"Content-Type": "application/json"})
    client.post("/predict", json={})
    assert server.log.read_text().count("Traceback") == before
