"""A log belongs to one key, and a server without a key recovers."""

from pathlib import Path

import httpx
import pytest

from flights.extras.privacy import pseudonymizer
from serving.extras.pseudonyms import guard
from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from serving.request import example
from tests.serving.published import publish_champion
from tests.serving.running import running
from tests.serving.test_prediction_log import prediction


def test_a_log_belongs_to_the_key_that_came_first(log: PredictionLog):
    """Another key is refused, however often it tries; the first one goes on."""
    first, other = PredictionLog(log.url), PredictionLog(log.url)
    guard(first, pseudonymizer(b"one"))
    guard(other, pseudonymizer(b"other"))
    first.write([[prediction("by-the-first-key")]])
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="made with another key"):
            other.write([[prediction("by-another-key")]])
        with pytest.raises(ValueError, match="made with another key"):
            other.find("by-the-first-key")
    assert not other.check()
    assert first.find("by-another-key") is None
    first.close()


def test_a_server_whose_key_cannot_be_made_lives_and_recovers(tmp_path: Path):
    """Planted: a file where the log's folder should be. Alive and not ready; when it can be made, both come back."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    (tmp_path / "4_predictions").write_text("in the way")
    with running(tmp_path, PREDICTIONS_URL=f"sqlite:///{tmp_path}/log/predictions.db") as server:
        server.wait("/health/ready", 503)
        asked = httpx.post(f"{server.url}/predict", json=example())
        assert (asked.status_code, asked.json()["title"]) == (503, "Prediction log unavailable")
        (tmp_path / "4_predictions").unlink()
        server.wait("/health/ready", 200)
        assert httpx.post(f"{server.url}/predict", json=example()).status_code == 200
        assert "no key for its pseudonyms" in server.log.read_text()
