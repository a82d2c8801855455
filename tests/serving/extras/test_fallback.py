"""Without a healthy model the heuristic answers where that is allowed, and says so; elsewhere it is refused."""

import sqlite3
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import generate_latest

from flights.config import Settings
from flights.features import HEURISTIC
from flights.registry import load, model_folder
from serving.champion_holder import ChampionHolder
from serving.extras.fallback import Fallback, newest_heuristic
from serving.prediction_log import PredictionLog
from serving.request import example
from serving.scorer import Scorer
from serving.service import Service
from tests.declared import BY_NAME, other
from tests.serving.published import GROUP, publish_champion
from tests.serving.running import running
from tests.serving.test_app import wait_for_version


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A data folder whose only champion has an altered model; its heuristic is as it was."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    file = model_folder(tmp_path / "3_models", 1) / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    return tmp_path


def test_the_heuristic_answers_marked_as_such_until_a_model_is_there(broken: Path):
    """In the answer, the log, the metrics and readiness; a sound champion takes over by itself."""
    with running(broken, FALLBACK="true", FOLLOW_SECONDS="0.05") as server:
        server.wait()
        for group, expected in ((GROUP, 0.4), (other(BY_NAME[HEURISTIC[0]]), 0.2)):
            answer = httpx.post(f"{server.url}/predict", json=example() | {HEURISTIC[0]: group}).json()
            assert (answer["served_by"], answer["model_version"]) == ("heuristic", 0)
            assert (answer["probability"], answer["alert"]) == (expected, expected >= 0.3)
        ready = httpx.get(f"{server.url}/health/ready").json()
        assert ready["served_by"] == "heuristic"
        assert "altered" in ready["refused"]
        assert "heuristic_answers 1.0" in httpx.get(f"{server.url}/metrics").text
        publish_champion(broken / "3_models", 2, seed=2)
        wait_for_version(server, 2)
        assert httpx.post(f"{server.url}/predict", json=example()).json()["served_by"] == "champion"
    log = sqlite3.connect(broken / "4_predictions" / "predictions.db")
    assert log.execute("SELECT COUNT(*) FROM predictions WHERE served_by = 'heuristic'").fetchone() == (2,)
    log.close()


def test_where_it_is_not_allowed_nothing_answers(broken: Path):
    """The default: 503, with the reason and the command that helps."""
    with running(broken) as server:
        answer = httpx.post(f"{server.url}/predict", json=example())
        assert answer.status_code == 503
        assert "altered" in answer.json()["detail"]


def test_an_altered_heuristic_does_not_answer_and_an_older_one_does(tmp_path: Path):
    """Planted: another rate in the newest heuristic. The one before is taken; with none left there is none."""
    models_dir = tmp_path / "3_models"
    for version in (1, 2):
        publish_champion(models_dir, version, seed=version)
    for version, left in ((2, 1), (1, None)):
        file = model_folder(models_dir, version) / "heuristic.json"
        file.write_text(file.read_text().replace("0.4", "0.9", 1))
        found = newest_heuristic(models_dir)
        assert (None if found is None else found.folder) == (None if left is None else model_folder(models_dir, left))


def test_a_heuristic_whose_model_is_not_signed_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where a signature is asked for, it is asked of the heuristic's folder too."""
    publish_champion(tmp_path, 1, seed=1)
    assert load(tmp_path, 1)
    assert newest_heuristic(tmp_path)
    monkeypatch.setenv("MODEL_VERIFY_KEY", "bm8ga2V5")
    assert newest_heuristic(tmp_path) is None


def test_a_stand_in_is_ready_beside_a_sound_champion(tmp_path: Path):
    """It is that champion's own, and another with the next one; the metric says that nobody misses a model."""
    settings = Settings(data_dir=tmp_path)
    holder, log = ChampionHolder(settings.models_dir), PredictionLog(settings.log_url)
    scorer = Scorer(holder, log, 1000)
    service = Service(FastAPI(), settings, holder, scorer, log)
    fallback = Fallback(service)
    for version in (1, 2):
        folder = publish_champion(settings.models_dir, version, seed=version).folder
        holder.follow()
        fallback.follow()
        assert holder.answering is holder.model
        assert holder.fallback is not None
        assert holder.fallback.folder == folder
    assert "heuristic_answers 0.0" in generate_latest(service.registry).decode()
