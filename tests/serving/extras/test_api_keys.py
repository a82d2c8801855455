"""With API_KEYS only a client with a key predicts or reads predictions; without them, only this machine does."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from flights.config import Settings
from serving.app import create_app
from serving.extras.api_keys import is_loopback
from serving.request import example
from tests.browser import CHROMIUM, needs_chromium
from tests.serving.published import publish_champion
from tests.serving.running import ROOT, Server, running

KEY, OTHER = "a-key-that-is-long-enough", "b0" * 32
BEARER = {"Authorization": f"Bearer {KEY}"}
CLOSED = [("POST", "/predict"), ("POST", "/predict/batch"), ("POST", "/outcomes"), ("GET", "/reports/index.html")]
OPEN = [
    "/",
    "/form",
    "/page.js",
    "/page.css",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/model",
    "/docs",
    "/openapi.json",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two keys."""
    folder = tmp_path_factory.mktemp("keys")
    publish_champion(folder / "3_models", 1, seed=1)
    with running(folder, API_KEYS=f"{KEY},{OTHER}", LOG_LEVEL="DEBUG") as started:
        started.wait()
        yield started


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_client_with_a_key_is_answered(server: Server, scheme: str, key: str):
    """Each key counts, and the scheme's case does not (RFC 9110)."""
    answer = httpx.post(f"{server.url}/predict", json=example(), headers={"Authorization": f"{scheme} {key}"})
    assert answer.status_code == 200


WRONG = {
    "missing": [],
    "empty": [("Authorization", "")],
    "scheme alone": [("Authorization", "Bearer")],
    "comma": [("Authorization", "Bearer ,")],
    "another key": [("Authorization", f"Bearer {'c' * 25}")],
    "prefix": [("Authorization", f"Bearer {KEY[:-1]}")],
    "longer": [("Authorization", f"Bearer {KEY}x")],
    "two keys": [("Authorization", f"Bearer {KEY},{OTHER}")],
    "blanks": [("Authorization", f"Bearer {KEY} {KEY}")],
    "umlaut": [("Authorization", f"Bearer {KEY[:-1]}ü")],
    "another case": [("Authorization", f"Bearer {KEY.upper()}")],
    "without scheme": [("Authorization", KEY)],
    "another scheme": [("Authorization", f"Basic {KEY}")],
    "another header": [("X-API-Key", KEY)],
    "twice": [("Authorization", f"Bearer {KEY}"), ("Authorization", f"Bearer {KEY}")],
    "right and wrong": [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer wrong")],
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_a_client_without_a_key_is_refused(server: Server, headers: list[tuple[str, str]]):
    """In one form, whatever is wrong; the key is not repeated."""
    raw = [(name, value.encode("latin-1")) for name, value in headers]
    answer = httpx.post(f"{server.url}/predict", json=example(), headers=raw)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="predictions"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() | {"instance": ""} == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Expected one header Authorization: Bearer KEY with a key of this server.",
        "instance": "",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("method", "path"), [*CLOSED, ("GET", "/predict"), ("GET", "/nowhere"), ("HEAD", "/reports/a")]
)
def test_what_writes_or_reads_predictions_asks_for_a_key(server: Server, method: str, path: str):
    """And so does every path that is not known to be open; with a key each is looked at."""
    assert httpx.request(method, server.url + path).status_code == 401
    assert httpx.request(method, server.url + path, headers=BEARER).status_code in (404, 405, 415)


@pytest.mark.parametrize("path", OPEN)
def test_probes_and_pages_about_the_service_stay_open(server: Server, path: str):
    """An orchestrator and Prometheus have no key."""
    assert httpx.get(server.url + path).status_code == 200
    assert httpx.head(server.url + path).status_code == 200


def test_a_refused_body_does_not_disturb_the_connection(server: Server):
    """A large batch without a key is refused before it is read, and the next request on the connection is answered."""
    with httpx.Client(base_url=server.url, limits=httpx.Limits(max_connections=1)) as client:
        body = {"flights": [example()] * 1000}
        assert client.post("/predict/batch", json=body).status_code == 401
        assert client.post("/predict", json=example(), headers=BEARER).status_code == 200


def test_a_form_of_the_path_does_not_get_around_the_check(server: Server):
    """Planted: raw request lines that a prefix of an open path begins."""
    host, port = server.url.removeprefix("http://").split(":")
    for path in (
        "/health/../predict",
        "/health/ready/../../predict",
        "//predict",
        "/PREDICT",
        "/%70redict",
        "/predict?x",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
            connection.sendall(head.encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 401"), path


def test_no_key_is_in_logs_metrics_or_pages(server: Server):
    """Right and wrong ones were sent above and here; refusals are counted by their status."""
    for key in (KEY, "wrong-but-secret-key"):
        httpx.post(f"{server.url}/predict", json={}, headers={"Authorization": f"Bearer {key}"})
    shown = [httpx.get(server.url + path).text for path in OPEN] + [server.log.read_text()]
    assert not any(key in text for text in shown for key in (KEY, OTHER, "wrong-but-secret-key"))
    assert 'http_requests_total{status="401"}' in httpx.get(f"{server.url}/metrics").text
    assert "Unauthorized" in server.log.read_text()


def test_the_api_declares_the_key_only_when_it_is_asked_for(server: Server):
    """Operations that ask for a key say so and how they refuse; without keys nothing of it is declared."""
    document = httpx.get(f"{server.url}/openapi.json").json()
    assert document["components"]["securitySchemes"] == {"ApiKey": {"type": "http", "scheme": "bearer"}}
    asking = {path for path, each in document["paths"].items() if all("security" in one for one in each.values())}
    assert asking == {"/predict", "/predict/batch", "/outcomes"}
    refusal = document["paths"]["/predict"]["post"]["responses"]["401"]
    assert "WWW-Authenticate" in refusal["headers"]
    plain = create_app(Settings()).openapi()
    assert "securitySchemes" not in plain["components"]
    assert "401" not in plain["paths"]["/predict"]["post"]["responses"]


@needs_chromium
def test_the_page_asks_for_the_key(server: Server):
    """Refused without one, it shows a field for the key; with the key it is answered."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(server.url)
        assert not page.is_visible("#api-key")
        page.get_by_role("button", name="Predict").click()
        page.wait_for_selector("#api-key", state="visible")
        page.fill("#api-key", KEY)
        page.keyboard.press("Enter")
        page.wait_for_selector(".probability")
        browser.close()


def start(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to refuse."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path, "DATA_DIR": str(folder), "PORT": "0"} | settings
    command = [sys.executable, "-m", "serving.app"]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_server_that_others_reach_does_not_start_without_keys(tmp_path: Path):
    """One line says what to set."""
    refused = start(tmp_path, HOST="0.0.0.0")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "set API_KEYS" in refused.stderr
    assert "AUTH=proxy" in refused.stderr


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.0.0.2", True), ("::1", True), ("localhost", True)),
        *(
            ("0.0.0.0", False),
            ("::", False),
            ("", False),
            ("10.1.2.3", False),
            ("a-name", False),
            ("127.0.0.1.x", False),
        ),
    ],
)
def test_only_loopback_addresses_need_no_keys(host: str, loopback: bool, monkeypatch: pytest.MonkeyPatch):
    """On any other one it is refused; with a key or a proxy it is not."""
    assert is_loopback(host) is loopback
    if not loopback:
        with pytest.raises(SystemExit, match=f"^HOST={host} lets other machines ask"):
            create_app(Settings(host=host))
    for name, value in (("AUTH", "proxy"), ("API_KEYS", KEY)):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            create_app(Settings(host=host))


def test_a_malformed_key_stops_the_start_in_one_line(tmp_path: Path):
    """Planted: an empty entry, which would let a client without a key in."""
    refused = start(tmp_path, API_KEYS=f"{KEY},,{OTHER}")
    assert refused.returncode == 1
    assert refused.stderr.startswith("API_KEYS, entry 2 of 3: expected")
    assert KEY not in refused.stderr
