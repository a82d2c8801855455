"""Refusals are small, name what was expected, and repeat nothing."""

import json

import httpx
import pytest

from flights.dataset import INPUTS
from serving.refusal import EXPECTED, Refused, problem_response
from serving.request import example
from tests.serving.running import Server


def test_every_column_has_its_expectation():
    """A refusal can say of every field what it should have been."""
    assert {column.name for column in INPUTS} <= set(EXPECTED)


def test_a_refusal_names_field_and_expectation(client: httpx.Client):
    """RFC 9457, with the contract's own words."""
    answer = client.post("/predict", json=example() | {"distance": 7000, "carrier": "ZZ"})
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (422, "Invalid request")
    assert [error["field"] for error in problem["errors"]] == ["carrier", "distance"]
    assert problem["errors"][1]["expected"] == "a finite number, 10 to 6000"


def test_a_body_without_anything_right_is_refused_in_few_words(client: httpx.Client):
    """However much is wrong, the answer stays small."""
    answer = client.post("/predict", json={f"key{number}": number for number in range(5000)})
    assert answer.status_code == 422
    assert len(answer.content) < 4000


def test_the_refusal_is_found_in_the_servers_log(client: httpx.Client, server: Server):
    """The log has the refusal's name, status and fields, and nothing of what was sent."""
    problem = client.post("/predict", json=example() | {"dest": "SECRET"}).json()
    (line,) = [line for line in server.log.read_text().splitlines() if problem["instance"] in line]
    entry = json.loads(line)
    assert (entry["status"], entry["fields"], entry["level"]) == (422, ["dest"], "warning")
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
