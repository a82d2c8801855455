"""Alive is not ready: readiness needs a champion, and a log that can be written."""

from pathlib import Path

import httpx

from flights.registry import Model
from serving.request import example
from tests.serving.running import running


def test_model_and_metrics_tell_what_answers(client: httpx.Client, model: Model):
    """The version is in the description and in the metrics."""
    assert client.get("/model").json()["digest"] == model.digest
    assert "model_version 1.0" in client.get("/metrics").text


def test_a_server_without_a_champion_lives_and_says_what_to_run(tmp_path: Path):
    """Alive, not ready, and predictions are refused with the command that helps."""
    with running(tmp_path) as server:
        ready = httpx.get(f"{server.url}/health/ready")
        asked = httpx.post(f"{server.url}/predict", json=example())
    for answer in (ready, asked):
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "make train" in answer.json()["detail"]


def test_a_server_whose_log_was_never_written_is_not_ready(data_dir: Path, model: Model, tmp_path: Path):
    """Before the first request already: a folder that cannot be made is found out at the start, and a good one too."""
    (tmp_path / "log").write_text("in the way")
    with running(data_dir, PREDICTIONS_URL=f"sqlite:///{tmp_path}/log/predictions.db") as server:
        server.wait("/health/ready", 503)
        assert "prediction_log_available 0.0" in httpx.get(f"{server.url}/metrics").text
        (tmp_path / "log").unlink()
        server.wait("/health/ready", 200)
