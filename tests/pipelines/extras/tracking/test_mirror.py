"""MLflow is a mirror: it is tried before the fit, and what fails after the work is a warning, not a loss."""

import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flights import registry
from flights.config import Settings
from pipelines import promote, train
from pipelines.extras import tracking
from pipelines.extras.tracking import __main__ as again
from pipelines.extras.tracking import patience
from tests.serving.published import publish, publish_champion

pytestmark = pytest.mark.filterwarnings("ignore")  # of what libraries leave open when they are interrupted
DEAD = "http://127.0.0.1:9"


class Broken(BaseHTTPRequestHandler):
    """Answers everything with 500."""

    def do_GET(self) -> None:
        self.send_response(500)
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing to log."""


@pytest.fixture(scope="module")
def broken() -> Iterator[str]:
    """The URL of a server that is out of order."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "uri",
    [DEAD, "http://no.such.host.invalid:5000", "foo://store", "broken", "sqlite:////proc/none/runs.db",
     "postgresql://me:secret@127.0.0.1:9/runs"],
)  # fmt: skip
def test_a_store_that_does_not_work_ends_training_before_the_fit(tmp_path, monkeypatch, broken: str, uri: str):
    """Injected: a dead port, an unknown host, a bad scheme, status 500, a place that takes no file, a dead database."""
    uri = broken if uri == "broken" else uri
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(train, "labelled_rows", lambda *_: pytest.fail("read rows"))
    with pytest.raises(SystemExit) as refusal:
        train.main()
    said = str(refusal.value)
    assert said.startswith("MLFLOW_TRACKING_URI=")
    assert (len(said.splitlines()), "secret" in said, "leave the setting out" in said) == (1, False, True)


def test_a_store_that_may_only_be_read_is_found(tmp_path, monkeypatch):
    """Injected: a store that answers every question and takes nothing."""
    monkeypatch.setattr(tracking.store, "connect", lambda *_: ReadOnly())
    with pytest.raises(SystemExit, match=r"cannot be written to .*readonly database"):
        tracking.preflight(Settings(data_dir=tmp_path))


class ReadOnly:
    """MLflow on a file of another user."""

    experiment_id = "1"

    def MlflowClient(self) -> "ReadOnly":  # noqa: N802
        return self

    def get_experiment_by_name(self, _: str) -> "ReadOnly":
        return self

    def set_experiment_tag(self, *_: str) -> None:
        raise OSError("attempt to write a readonly database")


def test_a_store_that_never_answers_is_given_up(monkeypatch, capsys):
    """Injected: code that retries for ever, whatever it catches."""
    started = time.monotonic()
    with patience.mirrored("it", "Do it again.", seconds=0.2):
        while True:
            try:
                time.sleep(5)
            except Exception:
                continue
    assert time.monotonic() - started < 3
    assert "warning: MLflow did not get it (NoAnswer: no answer within 0.2 s)" in capsys.readouterr().err


@pytest.mark.parametrize("uri", [DEAD, "foo://store", "broken"])
def test_a_rollback_is_done_once_whatever_mlflow_says(tmp_path, monkeypatch, capsys, broken: str, uri: str):
    """Injected: three stores that do not work. The history has one rollback, the exit code is 0, and a command is named
    that tells MLflow without rolling back again."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    publish(tmp_path / "3_models", 2, seed=2)
    registry.promote(tmp_path / "3_models", 2, expected=1)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", broken if uri == "broken" else uri)
    monkeypatch.setattr(sys, "argv", ["promote", "--rollback"])
    promote.main()
    said = capsys.readouterr()
    assert "champion 1, entry 3 of the history" in said.out
    assert "warning: MLflow did not get the champion's alias" in said.err
    assert "python -m pipelines.extras.tracking" in said.err
    again.main()
    actions = [entry.action for entry in registry.history(tmp_path / "3_models")]
    assert actions == ["promote", "promote", "rollback"]


def test_fitted_models_are_kept_when_mlflow_fails_after_the_fit(tmp_path, capsys):
    """Injected: the store is gone after the fit. The record says of no run, the version gets a number."""
    settings = Settings(data_dir=tmp_path, mlflow_tracking_uri=DEAD)
    assert tracking.log_fits(settings, {"candidate": None}, None, {}, Path("train.parquet")) == {"candidate": {}}
    assert tracking.register_version(settings, {"mlflow_model": "models:/x"}, {"passed": True}) is None
    tracking.log_evaluation(settings, {"mlflow_run": "x"}, 1, {"passed": True, "metrics": {}})
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" (")[0] for line in said] == [
        "warning: MLflow did not get all runs",
        "warning: MLflow did not get the version",
        "warning: MLflow did not get the evaluation of version 1",
    ]
    assert all("To repeat it, " in line for line in said)
