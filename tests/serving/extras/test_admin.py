"""An operator with the token moves the service; anybody else finds nothing, or is refused."""

# ruff: noqa: F811 - fixtures

import time
from pathlib import Path

import httpx
import pytest

from flights.config import Settings
from serving.app import create_app
from serving.extras.admin import Settings as Admin
from tests.serving.admin_requests import BEARER, CANARY, TOKEN, ask, server  # noqa: F401
from tests.serving.published import publish_champion
from tests.serving.running import Server, running

ROUTES = [
    ("POST", "/admin/reload"),
    ("POST", "/admin/rollback"),
    ("POST", "/admin/canary"),
    ("DELETE", "/admin/canary"),
]


def test_without_a_token_set_there_are_no_routes(tmp_path: Path):
    """Not refused: not there, whatever token is sent."""
    with running(tmp_path) as server:
        assert {ask(server, method, path, BEARER).status_code for method, path in ROUTES} == {404}


@pytest.mark.parametrize("path", ["/admin/reload", "/admin/rollback", "/admin/canary"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}Y"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": f"bearer {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN[:-1]}\u00e9"},
        {"X-Authorization": f"Bearer {TOKEN}"},
    ],
)
def test_a_wrong_token_changes_nothing(server: Server, headers: dict[str, str], path: str):
    """None, half of one, another case, a near miss: refused in the same words, and the champion stays."""
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = httpx.request("POST", server.url + path, headers=raw, json=CANARY)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["title"] == "Expected the admin token"
    assert TOKEN not in answer.text
    assert httpx.get(f"{server.url}/model").json()["version"] == 2


def test_a_reload_looks_at_a_refused_champion_again(tmp_path: Path):
    """Planted: its folder is away at the start and comes back, then the history is damaged. Both are said in words."""
    folder = publish_champion(tmp_path / "3_models", 1, seed=1).folder
    folder.rename(tmp_path / "elsewhere")
    with running(tmp_path, ADMIN_TOKEN=TOKEN, FOLLOW_SECONDS="600", FALLBACK="true") as server:
        said = ask(server, "POST", "/admin/reload", BEARER).raise_for_status().json()
        assert (said["version"], bool(said["refused"])) == ("none", True)
        (tmp_path / "elsewhere").rename(folder)
        said = ask(server, "POST", "/admin/reload", BEARER).raise_for_status().json()
        assert (said["version"], said["refused"]) == ("1", "")
        (folder.parent / "history" / "000002.json").write_text("{")
        said = ask(server, "POST", "/admin/reload", BEARER).raise_for_status().json()
        assert said["version"] == "1"
        assert "000002.json" in said["refused"]
    with running(tmp_path, FALLBACK="true") as server:  # alive, and says why it is not ready
        assert "000002.json" in httpx.get(f"{server.url}/health/ready").json()["detail"]


def test_a_token_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch):
    """The service does not start with one."""
    monkeypatch.setenv("ADMIN_TOKEN", "secret")
    with pytest.raises(ValueError, match="at least 16 characters, got 6"):
        create_app(Settings())


def test_the_token_is_in_no_log(server: Server):
    """Neither when it is right nor when it is wrong."""
    time.sleep(0.1)
    assert TOKEN not in server.log.read_text()
    assert TOKEN not in repr(Admin(admin_token=TOKEN))
