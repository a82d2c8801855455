"""Models made worse on purpose rank alike on the holdout and in live traffic; where they do not, the figure says so."""

import shutil

import numpy as np
import pytest

from extras.evidence import correlate
from flights.artifacts import read_json, read_parquet
from flights.config import Settings
from flights.dataset import targets
from flights.evaluation import metrics
from flights.ranking import rank
from pipelines.evaluation import holdout
from pipelines.rows import labelled_rows

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def parts(split_data):
    """A few flights to learn from, and to be asked about live."""
    settings = Settings(data_dir=split_data)
    live = read_parquet(settings.splits_dir / "live.parquet", "")
    return labelled_rows(settings, "train").iloc[::8], live[::8].reset_index(drop=True)


def test_the_log_gives_back_what_was_decided(parts):
    """Through predictions and late outcomes come the same figures as from the rows; the cancelled count nowhere."""
    _, live = parts
    probabilities = np.random.default_rng(1).random(len(live))
    arrived = live["arrival_delay"].notna().to_numpy()
    assert 0 < (~arrived).sum() < len(live)
    direct = metrics(rank(targets(live)[arrived], probabilities[arrived], 0.3))
    assert correlate.online(live, probabilities, 0.3) == pytest.approx(direct)


def test_worse_is_worse(parts):
    """What a recipe takes away is missed: without any feed the ranking falls."""
    train, live = parts
    arrived = live[live["arrival_delay"].notna()]

    def area(name: str) -> float:
        recipe = next(each for each in correlate.RECIPES if each.name == name)
        return metrics(rank(targets(arrived), correlate.fitted(recipe, train, seed=1)(arrived)))["roc_auc"]

    assert area("as it is") > area("timetable only") + 0.05


def test_recipes_are_many_and_each_is_its_own():
    """At least eight degraded models next to the one as it is, and no feed of another name."""
    assert len({each.name for each in correlate.RECIPES}) == len(correlate.RECIPES) > 9
    known = {column.feed for column in correlate.INPUTS}
    assert all(feed in known for each in correlate.RECIPES for feed in each.lost)


@pytest.mark.ml_test_score("M2", injects="the same order gives 1 for every metric, the reverse order -1")
def test_a_holdout_that_misleads_is_seen():
    """Planted: the same order gives 1 for every metric, the reverse order -1."""
    good = {"roc_auc": [0.8, 0.7, 0.6, 0.5], "brier": [0.1, 0.2, 0.3, 0.4], "cost_per_1000": [5.0, 6.0, 7.0, 8.0]}

    def models(order: list[int]) -> dict:
        return {
            str(place): {
                "offline": {name: values[place] for name, values in good.items()},
                "online": {name: values[at] for name, values in good.items()},
            }
            for place, at in enumerate(order)
        }

    assert correlate.agreement(models([0, 1, 2, 3])) == dict.fromkeys(good, pytest.approx({"itself": 1, "cost": 1}))
    assert correlate.agreement(models([3, 2, 1, 0])) == dict.fromkeys(good, pytest.approx({"itself": -1, "cost": -1}))


def test_the_threshold_is_the_cheapest_of_all():
    """No other threshold costs less on the rows that it was chosen on."""
    random = np.random.default_rng(0)
    late = (random.random(3000) < 0.25).astype(float)
    rows = rank(late, np.round(np.clip(0.2 * late + random.random(3000) * 0.6, 0, 1), 2))
    chosen = correlate.cost_threshold(rows.targets, rows.probabilities)

    def cost(threshold):
        return metrics(rank(rows.targets, rows.probabilities, threshold))["cost_per_1000"]

    assert cost(chosen) == min(cost(threshold) for threshold in np.unique(rows.probabilities))


def test_the_holdout_is_opened_on_record(split_data, tmp_path, monkeypatch):
    """One look for all the models together, by its name; none of them is a candidate."""
    shutil.copytree(split_data / "2_splits", tmp_path / "2_splits")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["correlate", "--every", "4"])
    monkeypatch.setattr(correlate, "RECIPES", correlate.RECIPES[-2:])
    looks = []
    monkeypatch.setattr(holdout, "log_access", lambda _, *words, **__: looks.append(words[:2]))
    correlate.main()
    assert looks == [("correlate", "")]


@pytest.mark.ml_test_score("M2")
@pytest.mark.heavy
def test_the_holdout_predicts_live_traffic(split_data, monkeypatch, capsys):
    """All recipes on an eighth of the flights: the holdout ranks them nearly as live traffic does."""
    monkeypatch.setenv("DATA_DIR", str(split_data))
    monkeypatch.setattr("sys.argv", ["correlate", "--every", "1"])
    correlate.main()
    report = read_json(split_data / "5_reports" / "correlate.json", "")
    assert len(report["models"]) == len(correlate.RECIPES)
    assert report["spearman"]["roc_auc"]["itself"] >= 0.85
    assert report["spearman"]["roc_auc"]["cost"] >= 0.8
    assert (split_data / "5_reports" / "correlate.png").read_bytes().startswith(b"\x89PNG")
    assert "Spearman" in capsys.readouterr().out
