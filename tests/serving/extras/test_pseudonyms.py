"""A log belongs to one key, and a server without a key recovers."""

import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from extras.privacy import forget_log
from flights.dataset import KEY, OUTCOME, ROW_KEY
from flights.extras.privacy import pseudonym_key, pseudonymizer
from serving.extras import pseudonyms
from serving.extras.pseudonyms import guard
from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from serving.request import REPORTED, example
from tests.serving.published import publish_champion
from tests.serving.running import running, served
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


@pytest.mark.parametrize("subject", ["4917012345678", "01701234567", "DE02100100109307118603", "customer-77"])
def test_a_personal_key_is_in_the_log_by_its_pseudonym_alone(tmp_path, monkeypatch, capsys, subject):
    """Outcomes find it by the key and by the answered ID, a repeated request too; erased by the key, all is gone."""
    monkeypatch.setattr(pseudonyms, "ROW_KEY", replace(ROW_KEY, personal=True))
    monkeypatch.setattr(forget_log, "SUBJECTS", (KEY,))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    publish_champion(tmp_path / "3_models", 1, seed=1)
    outcome = {OUTCOME: REPORTED.example, "known_at": "2013-12-01T00:00:00Z"}
    with served(tmp_path) as (_, url), httpx.Client(base_url=url) as client:
        alone = client.post("/predict", json=example() | {"request_id": subject}).json()
        assert alone["request_id"] == pseudonymizer(pseudonym_key(tmp_path))(subject)
        assert client.post("/predict", json=example() | {"request_id": subject}).json() == alone
        rows = [example() | {"request_id": f"{subject}-2"}, example()]
        many = client.post("/predict/batch", json={"flights": rows}).json()["predictions"]
        known = [subject, alone["request_id"], f"{subject}-2", many[1]["request_id"]]
        bodies = [{"request_id": name, **outcome} for name in known]
        said = client.post("/outcomes", json={"outcomes": bodies}).json()
        assert said == {"accepted": 3, "repeated": 1, "unknown": 0}
    written = b"".join(path.read_bytes() for path in (tmp_path / "4_predictions").glob("*.db*"))
    assert subject.encode() not in written
    assert alone["request_id"].encode() in written
    for gone in (1, 0):
        monkeypatch.setattr(sys, "argv", ["forget", subject])
        with pytest.raises(SystemExit) as ended:
            forget_log.main()
        assert not ended.value.code
        assert f"forgot {gone} predictions and their outcomes; 0 left" in capsys.readouterr().out
    left = b"".join(path.read_bytes() for path in (tmp_path / "4_predictions").glob("*.db*"))
    assert alone["request_id"].encode() not in left
    assert many[0]["request_id"].encode() in left
