"""A champion that answers wrongly over HTTP is replaced by the one before, and the service says so."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from flights import registry
from flights.artifacts import read_json
from flights.files import GOLDEN_FILE
from serving import champion_holder
from serving.extras.probe import request_body
from serving.prediction_log import PredictionLog
from serving.request import Flight
from tests.serving.published import publish, publish_champion
from tests.serving.running import served, wait_for

KEY = "a-key-that-is-long-enough"


def wrong(score: Callable[..., Any]) -> Callable[..., Any]:
    """Probabilities that are none of the model's."""
    return lambda columns: score(columns) / 2


def broken(_: Callable[..., Any]) -> Callable[..., Any]:
    """Scoring that fails."""

    def fail(_: Any) -> Any:
        raise RuntimeError("planted")

    return fail


def hanging(score: Callable[..., Any]) -> Callable[..., Any]:
    """Scoring that takes longer than a probe may."""

    def wait(columns: Any) -> Any:
        time.sleep(2)
        return score(columns)

    return wait


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a champion."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    return tmp_path


def plant(monkeypatch: pytest.MonkeyPatch, fault: Callable[..., Any]) -> None:
    """From version 2 on, models are verified as they are and then answer with a fault."""

    def load(models_dir: Path, version: int) -> registry.Model:
        model = registry.load(models_dir, version)
        return replace(model, score=fault(model.score)) if version > 1 else model

    monkeypatch.setattr(champion_holder, "load", load)


def logged(folder: Path) -> list[str]:
    """Request IDs in the log."""
    log = PredictionLog(f"sqlite:///{folder}/4_predictions/predictions.db")
    with log.transaction():
        rows = log.rows("SELECT request_id FROM predictions")
    log.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(wrong, "is golden"), (broken, "status 503: No prediction"), (hanging, "no answer within 0.5 s")],
)
def test_a_champion_that_fails_its_probe_goes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Any, reason: str
):
    """Planted: a wrong probability, an exception, a hang. The previous one answers; log, metric, health say so."""
    monkeypatch.setenv("PROBE_SECONDS", "0.5")
    with served(folder) as (service, url):
        plant(monkeypatch, fault)
        publish_champion(folder / "3_models", 2, seed=2)
        wait_for(lambda: "probe" in service.details)
        ready = httpx.get(f"{url}/health/ready", timeout=10).raise_for_status().json()
        assert reason in ready["probe"]
        assert "version 1 answers again" in ready["probe"]
        assert "version 2 failed its probe" in ready["refused"]
        answer = httpx.post(f"{url}/predict", json=golden_body(folder, 1), timeout=10).raise_for_status().json()
        assert answer["model_version"] == 1
        assert "model_probe_failures_total 1.0" in httpx.get(f"{url}/metrics").text
        assert [record.version for record in caplog.records if record.message == "probe failed"] == [2]
        wait_for(
            lambda: "failed its probe: promote" in service.holder.rejected
        )  # it is not tried again on live traffic
        assert "model_probe_failures_total 1.0" in httpx.get(f"{url}/metrics").text
        monkeypatch.setattr(champion_holder, "load", registry.load)
        publish_champion(folder / "3_models", 3, seed=3)
        wait_for(lambda: service.holder.answering.version == 3 and not service.holder.rejected)
        assert "probe" not in httpx.get(f"{url}/health/ready").json()
        wait_for(lambda: logged(folder) == [answer["request_id"]])


def golden_body(folder: Path, version: int) -> dict[str, Any]:
    return request_body(read_json(folder / "3_models" / "flights" / str(version) / GOLDEN_FILE, "")["inputs"][0])


def test_a_good_champion_is_probed_and_stays(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Its probe is answered, with the API key where there is one, and leaves no row in the log."""
    monkeypatch.setenv("API_KEYS", KEY)
    with served(folder) as (service, url):
        publish_champion(folder / "3_models", 2, seed=2)
        wait_for(lambda: service.holder.answering.version == 2)
        wait_for(lambda: 'predictions_total{model_version="2"' in httpx.get(f"{url}/metrics").text)
        wait_for(lambda: logged(folder) == [])
        assert httpx.get(f"{url}/health/ready").json()["refused"] == ""


def test_without_a_previous_champion_none_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Planted: the first champion of a server that runs already; going back means not to be ready."""
    plant(monkeypatch, wrong)
    publish(tmp_path / "3_models", 2, seed=2)
    with served(tmp_path) as (service, url):
        registry.promote(tmp_path / "3_models", 2, expected=None)
        wait_for(lambda: "probe" in service.details)
        answer = httpx.get(f"{url}/health/ready")
        assert answer.status_code == 503
        assert "no model answers" in service.details["probe"]()


@pytest.mark.parametrize("settings", [{"PROBE_SECONDS": "0"}, {"HOST": "127.0.0.9"}], ids=["off", "nobody listens"])
def test_where_no_probe_is_possible_the_new_champion_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
):
    """Switched off, or the server listens elsewhere: a swap is no worse than without the plug-in."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    plant(monkeypatch, wrong)
    with served(folder) as (service, _):
        publish_champion(folder / "3_models", 2, seed=2)
        wait_for(lambda: service.holder.answering.version == 2)
        assert "probe" not in service.details


def test_a_golden_row_is_a_valid_request(folder: Path):
    """Every one of the model's."""
    rows = read_json(folder / "3_models" / "flights" / "1" / GOLDEN_FILE, "")["inputs"]
    assert all(Flight.model_validate(request_body(row)) for row in rows)
