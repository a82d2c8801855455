"""No benchmark writes into the user's data: each gets a data folder of its own, whatever the settings say."""

import hashlib
import os
from pathlib import Path

import httpx
import pytest

from extras.benchmarks import monitor, serve, train
from extras.benchmarks.scratch import ELSEWHERE, scratch_settings
from flights import registry
from flights.config import Settings
from flights.log_url import file_url
from serving.request import example

TRACKED = ("1_raw", "2_splits", "3_models", "4_predictions", "5_reports", "elsewhere")


def digests(folder: Path) -> dict[str, str]:
    """Every file of a data folder with its digest."""
    files = [path for part in TRACKED for path in (folder / part).rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def settings(a_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A user's settings, with a log and a store of runs outside of the data folder's places for them."""
    monkeypatch.setenv("PREDICTIONS_URL", file_url(a_copy / "elsewhere" / "predictions.db"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", file_url(a_copy / "elsewhere" / "runs.db"))
    return Settings()


def test_a_scratch_folder_has_the_champion_and_no_way_out(settings):
    """Every setting that names another place is empty; the folder is gone at the end."""
    with scratch_settings(settings.models_dir) as own:
        assert {own[name] for name in ELSEWHERE} == {""}
        models = Path(own["DATA_DIR"]) / "3_models"
        assert registry.load(models, registry.champion(models)).digest == registry.load(settings.models_dir, 1).digest
    assert not models.exists()


@pytest.mark.heavy
def test_the_benchmark_of_the_service_logs_elsewhere(settings):
    """Injected: PREDICTIONS_URL names the user's log. A measured prediction is not in it."""
    before = digests(settings.data_dir)
    with serve.running(settings, min(os.sched_getaffinity(0)), mlflow=False) as servers:
        url = f"http://127.0.0.1:{servers[0].port}/predict"
        assert httpx.post(url, json=example(), timeout=30).status_code == 200
    assert digests(settings.data_dir) == before


@pytest.mark.exhibit
def test_the_benchmark_of_the_monitor_logs_elsewhere(settings, monkeypatch):
    """Injected: PREDICTIONS_URL names the user's log. The replayed flights are not in it."""
    before, given = digests(settings.data_dir), []
    monkeypatch.setattr("sys.argv", ["monitor"])
    monkeypatch.setattr(
        monitor, "cost", lambda _, environment, *_words: given.append(environment) or monitor.Cost(1, 1, 1)
    )
    monitor.main()
    assert digests(settings.data_dir) == before
    assert {(each["PREDICTIONS_URL"], each["WEBHOOK_URL"]) for each in given} == {("", "")}


def test_the_benchmark_of_training_registers_elsewhere(settings, monkeypatch):
    """Injected: MLFLOW_TRACKING_URI names the user's store. The steps are told of none."""
    given = []
    monkeypatch.setattr(train, "cost", lambda _, own: given.append(own) or train.Cost(1, 1, 1))
    train.main()
    assert {each["MLFLOW_TRACKING_URI"] for each in given} == {""}
    assert all(Path(each["DATA_DIR"]) != settings.data_dir for each in given)
