"""The search reads train alone, and says whether what is checked in is as good as the best that it found."""

import pytest

from extras.evidence import tune
from extras.evidence.workers import sampled_part
from flights.artifacts import read_json, read_parquet
from flights.config import Settings
from flights.model import CANDIDATE, build_model
from pipelines.rows import training_features

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def rows(split_data):
    """A few flights to learn from, and to compare on."""
    folder = Settings(data_dir=split_data).splits_dir
    return sampled_part(folder, "train", 8), sampled_part(folder, "validation", 4)


def test_the_command(split_data, monkeypatch, capsys):
    """A small search: a verdict, the best found, and what it gains with its interval."""
    monkeypatch.setenv("DATA_DIR", str(split_data))
    monkeypatch.setattr("sys.argv", ["tune", "--every", "8", "--tries", "3"])
    tune.main()
    report = read_json(split_data / "5_reports" / "tune.json", "")
    assert set(report["best"]) == set(report["checked_in"]) == set(tune.SPACE)
    gain = report["gain"]["roc_auc"]
    assert gain["low"] < gain["value"] < gain["high"]
    assert report["verdict"].startswith("within" if gain["low"] <= 0 else "behind")
    assert report["verdict"] in " ".join(capsys.readouterr().out.split())


@pytest.mark.ml_test_score("M3")
@pytest.mark.heavy
def test_what_is_checked_in_is_within_noise_of_the_best(split_data, monkeypatch):
    """On real flights, more sets of parameters: none that the search finds is better beyond chance."""
    monkeypatch.setenv("DATA_DIR", str(split_data))
    monkeypatch.setattr("sys.argv", ["tune", "--every", "2", "--tries", "9"])
    tune.main()
    report = read_json(split_data / "5_reports" / "tune.json", "")
    assert report["verdict"] == "within noise of the best found"
    assert report["gain"]["roc_auc"]["value"] < 0.01


@pytest.mark.ml_test_score(
    "M3", injects="a single stump as the best found; it gains nothing, and the whole interval says so"
)
def test_a_bad_set_loses_against_what_is_checked_in(rows):
    """Planted: a single stump as the best found; it gains nothing, and the whole interval says so."""
    train, validation = rows
    X_train = training_features(train, 1)
    stump = {"trees__max_iter": 1, "trees__max_leaf_nodes": 2}
    gains = tune.compared(stump, X_train, tune.targets(train), validation, seed=1)
    assert gains["roc_auc"].high < 0
    assert gains["brier"].high < 0


@pytest.mark.ml_test_score("M3")
def test_what_is_checked_in_is_in_the_space():
    """The searched names are the model's own, and its values are among those that are tried."""
    given = build_model(CANDIDATE, 1).get_params()
    assert all(given[name] in values for name, values in tune.SPACE.items())


def test_only_train_is_searched(rows, split_data):
    """The latest flight that the search sees departs before the first of validation."""
    train, validation = rows
    whole = read_parquet(Settings(data_dir=split_data).splits_dir / "train.parquet", "")
    assert train["flight_id"].isin(whole["flight_id"]).all()
    assert train["scheduled_departure"].max() < validation["scheduled_departure"].min()
