"""A server with an operator's token, and what its operator asks."""

from collections.abc import Iterator

import httpx
import pytest

from tests.serving.published import publish, publish_champion
from tests.serving.running import Server, running

TOKEN = "correct-horse-battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CANARY = {"version": 3, "share": 1.0}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a token, on its second champion, with a third version next to it."""
    folder = tmp_path_factory.mktemp("admin")
    for version in (1, 2):
        publish_champion(folder / "3_models", version, seed=version)
    publish(folder / "3_models", 3, seed=3)
    publish(folder / "3_models", 4, seed=4, passed=False)
    with running(folder, ADMIN_TOKEN=TOKEN, FOLLOW_SECONDS="600", CHALLENGER_SECONDS="5") as started:
        started.wait()
        yield started


def ask(server: Server, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body = CANARY if path.endswith("canary") else None
    return httpx.request(method, server.url + path, headers=headers, json=body, timeout=60)
