"""The families of estimators on the same months: each is named and measured, and a better one comes out ahead."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from extras.evidence import compare, fits, workers
from flights import config, portable
from flights.artifacts import read_json, write_parquet
from flights.dataset import EVENT_TIME, targets
from flights.model import HGB
from pipelines.evaluation import holdout
from pipelines.rows import between, features_of, labelled
from tests.contract_rows import contract_rows

MONTHS = [str(pd.Period(config.AS_OF[:7]) - back) for back in (2, 1)]


@pytest.fixture(scope="module")
def rows():
    """Rows that the contract allows, until the end of the last month."""
    return contract_rows(5000)


@pytest.fixture
def small(rows, tmp_path, monkeypatch):
    """A DATA_DIR with these rows, and two months to predict in this process."""
    write_parquet(tmp_path / "1_raw" / "valid.parquet", rows)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(fits, "FIRST_MONTH", MONTHS[0])
    monkeypatch.setattr(fits, "LAST_MONTH", MONTHS[1])
    monkeypatch.setattr(compare, "RESAMPLES", 20)
    monkeypatch.setattr(workers, "WORKERS", 1)
    monkeypatch.setattr("sys.argv", ["compare"])
    compare.cached_rows.cache_clear()
    fits.material.cache_clear()
    return tmp_path


def planted(rows, **noise):
    """A trial a month for each family, which knows the outcome but for so much noise."""
    random = np.random.default_rng(7)
    found = []
    for name, much in noise.items():
        for number, period in enumerate(fits.schedules()["monthly"]):
            y_true = targets(between(rows, period))
            score = y_true + much * random.normal(size=len(y_true))
            costs = np.array([1.0, 2.0, 3.0]) * (number + 1)
            found.append(compare.Trial(fits.Task(name, *period), 1 / (1 + np.exp(-score)), costs, 1e-12))
    return found


def test_every_family_is_named_and_measured(small, capsys, monkeypatch):
    """The table, the picture and the report name each family and the average; the access is on record."""
    accesses = []
    monkeypatch.setattr(holdout, "log_access", lambda _, by, period: accesses.append((by, str(period[0])[:7])))
    compare.main()
    assert accesses == [("compare", MONTHS[0])]
    out = capsys.readouterr().out
    report = read_json(small / "5_reports" / "compare.json", "")
    assert report["every"] == 1
    assert list(report["families"]) == [*compare.FAMILIES, compare.AVERAGE]
    for name, each in report["families"].items():
        assert name in out
        assert list(each["months"]) == MONTHS
        assert all(month["low"] <= month["value"] <= month["high"] for month in each["months"].values())
        assert min(each[cost] for cost in compare.COSTS) > 0
        assert each["parity"] <= portable.MAX_TOLERANCE
        assert each["all_months"]["value"] > 0.5
    assert all(month in out for month in MONTHS)
    assert (small / "5_reports" / "compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("best", ["logistic", "lightgbm", "xgboost"])
def test_a_planted_better_family_comes_out_ahead(small, rows, best):
    """Planted: one family knows more; it is significantly ahead of the default in the report."""
    asked = between(labelled(rows), fits.backtest_period())
    trials = planted(asked, **{name: 0.7 if name == best else 2.0 for name in compare.FAMILIES})
    report = compare.compared(asked, compare.with_average(trials))
    assert max(report, key=lambda name: report[name]["all_months"]["value"]) == best
    assert max(report, key=lambda name: report[name]["lowest_month"]) == best
    assert report[best]["ahead"]["low"] > 0
    assert report[HGB]["ahead"] == {"value": 0, "low": 0, "high": 0}
    assert [report[best][cost] for cost in compare.COSTS] == [1.5, 3.0, 4.5]


@pytest.mark.parametrize("there", [("hgb", "lightgbm"), ("hgb", "xgboost"), ("tree", "lightgbm"), ("logistic",)])
def test_the_average_needs_both_of_its_families(small, rows, there):
    """It is the mean of two probabilities for the price of both; without one of them it is not listed."""
    asked = between(labelled(rows), fits.backtest_period())
    found = compare.with_average(planted(asked, **dict.fromkeys(reversed(there), 1.0)))
    both = there == compare.AVERAGED
    assert list(found) == [*there, *[compare.AVERAGE] * both]
    if both:
        one, other, mean = (found[name][1] for name in found)
        assert_array_equal(mean.probabilities, (one.probabilities + other.probabilities) / 2)
        assert_array_equal(mean.costs, one.costs + other.costs)


@pytest.mark.parametrize("family", ["tree", "logistic", "lightgbm"])
def test_a_portable_form_that_differs_ends_the_comparison(small, monkeypatch, family):
    """Planted: the exported model answers a millionth more than the trained one."""
    load = portable.load

    def shifted(folder):
        score = load(folder)
        return lambda columns: score(columns) + 2e-6

    monkeypatch.setattr(portable, "load", shifted)
    task = fits.Task(family, *fits.schedules()["monthly"][0])
    with pytest.raises(portable.ParityError, match="expected the trained model's probabilities"):
        compare.trial(task, small / "1_raw" / "valid.parquet", every=1, seed=1)


def test_a_month_is_predicted_from_rows_before_it(small, rows, monkeypatch):
    """The model is fitted on what was known at the month's start, and asked about all rows of the month."""
    fitted = []
    task = fits.Task("tree", *fits.schedules()["monthly"][1])
    build = fits.build_model

    def recorded(name, seed):
        model = build(name, seed)
        fit = model.fit
        monkeypatch.setattr(model, "fit", lambda features, y: fitted.append(len(features)) or fit(features, y))
        return model

    monkeypatch.setattr(fits, "build_model", recorded)
    found = compare.trial(task, small / "1_raw" / "valid.parquet", every=2, seed=1)
    kept = labelled(rows).iloc[::2]
    assert fitted == [(kept[EVENT_TIME] < task.origin - pd.DateOffset(days=config.GAP_DAYS)).sum()]
    assert len(found.probabilities) == len(features_of(between(kept, (task.origin, task.end))))


def test_without_rows_the_next_command_is_named(tmp_path, monkeypatch):
    """An empty DATA_DIR ends with the command that fills it."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["compare"])
    with pytest.raises(SystemExit, match="make validate"):
        compare.main()
