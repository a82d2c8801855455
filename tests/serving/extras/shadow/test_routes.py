"""An operator starts and ends a canary; what the registry does not allow is refused."""

# ruff: noqa: F811 - fixtures

import httpx
import pytest

from flights.registry import champion
from serving.request import example
from tests.serving.admin_requests import BEARER, ask, server  # noqa: F401
from tests.serving.published import publish_champion
from tests.serving.running import Server

pytest.importorskip("serving.extras.admin")


def test_the_routes_do_what_they_say(server: Server):
    """A canary answers at once, is withdrawn, and a rollback brings the older version back, without waiting."""

    def answered_by() -> tuple[int, str]:
        answer = httpx.post(f"{server.url}/predict", json=example()).json()
        return answer["model_version"], answer["served_by"]

    assert answered_by() == (2, "champion")
    said = ask(server, "POST", "/admin/canary", BEARER).raise_for_status().json()
    assert said["challenger"] == "version 3 as canary for 100.0% of the flights"
    assert answered_by() == (3, "canary")
    ask(server, "DELETE", "/admin/canary", BEARER).raise_for_status()
    assert answered_by() == (2, "champion")
    assert ask(server, "POST", "/admin/rollback", BEARER).raise_for_status().json()["version"] == "1"
    assert answered_by() == (1, "champion")
    assert champion(server.log.parent / "3_models") == 1
    publish_champion(server.log.parent / "3_models", 5, seed=5)
    assert ask(server, "POST", "/admin/reload", BEARER).raise_for_status().json()["version"] == "5"
    assert answered_by() == (5, "champion")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/admin/canary", {"version": 4, "share": 0.5}, 409, "did not pass version 4"),
        ("POST", "/admin/canary", {"version": 9, "share": 0.5}, 409, "no "),
        ("POST", "/admin/canary", {"version": 3, "share": 1.5}, 422, "0 to 1"),
        ("POST", "/admin/canary", {"version": 3, "share": 0.5, "force": True}, 422, "only keys of the contract"),
        ("DELETE", "/admin/canary", None, 409, "No version runs"),
    ],
)
def test_what_the_registry_does_not_allow_is_refused(server: Server, method, path, body, status, words):
    """With the right token too, and in words."""
    answer = httpx.request(method, server.url + path, headers=BEARER, json=body)
    assert answer.status_code == status
    assert words in answer.text
