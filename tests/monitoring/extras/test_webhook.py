import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitoring.extras import webhook
from monitoring.traffic import Traffic
from tests.monitoring.conftest import Logged, day
from tests.monitoring.test_monitor import Monitored, monitored
from tests.serving.running import free_port

__all__ = ["monitored"]


def without_outcomes(clean: Traffic) -> Traffic:
    """No outcome is reported."""
    return clean[0], clean[1].head(0)


@pytest.mark.filterwarnings("ignore")
def test_a_fault_calls_somebody(
    logged: Logged,
    monitored: Monitored,
    evidently: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """Exit code 1, the reason on standard output and in the JSON, a page for the alarm, and the webhook called."""
    folder = logged(last=day(8), plant=without_outcomes) / "5_reports"
    with receiver() as (url, received):
        monkeypatch.setenv("WEBHOOK_URL", url)
        code, decision = monitored()
    assert (code, decision["action"]) == (1, "relabel")
    assert received == [decision]
    assert "without outcome: 100 %" in capsys.readouterr().out
    assert len(list((folder / "alarms").glob("*without-outcome.html"))) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "no-such-scheme", "http://[", "ftp://127.0.0.1/"])
def test_a_receiver_that_fails_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
):
    """A webhook that cannot be reached, or is no URL, is reported on standard error, and nothing is raised."""
    monkeypatch.setenv("WEBHOOK_URL", url.format(port=free_port()))
    found = SimpleNamespace(decision=SimpleNamespace(act=True), for_machines=lambda: {"action": "retrain"})
    webhook.write(Path(), found)
    assert "WEBHOOK_URL=" in capsys.readouterr().err


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict]]]:
    """A real HTTP server that keeps what is posted to it."""
    received: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", received
        server.shutdown()
