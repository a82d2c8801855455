"""Every day is predicted from days before it, by processes here or by a cluster alike, and the report says how well."""

import distributed
import numpy as np
import pandas as pd
import pytest

from extras.evidence import backtest, fits, workers
from flights.artifacts import read_json, read_parquet, write_json, write_parquet
from flights.dataset import EVENT_TIME, ZONE
from flights.model import CANDIDATE
from pipelines.evaluation import holdout

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def small(collected, tmp_path_factory):
    """A DATA_DIR with a sixteenth of January to May."""
    folder = tmp_path_factory.mktemp("backtest")
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    write_parquet(folder / "1_raw" / "valid.parquet", rows[rows[EVENT_TIME] < "2013-06-01"][::16])
    return folder


@pytest.fixture
def spring(small, monkeypatch):
    """Two months to predict, in this process."""
    monkeypatch.setenv("DATA_DIR", str(small))
    monkeypatch.setattr(fits, "LAST_MONTH", "2013-05")
    monkeypatch.setattr(workers, "WORKERS", 1)
    monkeypatch.setattr("sys.argv", ["backtest"])
    fits.material.cache_clear()
    return small / "5_reports"


def test_the_report(spring, capsys, monkeypatch):
    """Better than the heuristic in each month, the cadences' costs, a picture, and advice that the monitor can read.

    The look at the holdout's months is on record.
    """
    looks = []
    monkeypatch.setattr(holdout, "log_access", lambda _, by, period: looks.append((by, *map(str, period))))
    backtest.main()
    assert [(by, first[:10], end[:10]) for by, first, end in looks] == [("backtest", "2013-04-01", "2013-06-01")]
    report = read_json(spring / "backtest.json", "")
    assert list(report["months"]) == ["2013-04", "2013-05"]
    for month in report["months"].values():
        assert month["weekly"]["roc_auc"] > month["heuristic"]["roc_auc"]
    assert (spring / "backtest.png").read_bytes().startswith(b"\x89PNG")
    advice = read_json(spring / "cadence.json", "")
    assert {each["name"]: each["fits"] for each in advice["cadences"]} == {"never": 1, "monthly": 2, "weekly": 9}
    names = {"name", "roc_auc", "brier", "calibration_error", "fits", "fit_seconds"}
    assert all(set(each) == names and each["fit_seconds"] > 0 for each in advice["cadences"])
    assert advice["recommended"] in {"never", "monthly", "weekly"}
    assert advice["every"] == 1
    for margins in report["margins"].values():
        assert 0 < margins["roc_auc"][1] < margins["roc_auc"][0] < margins["roc_auc"][2]
    assert "a model may be" in " ".join(capsys.readouterr().out.split())


def test_a_cluster_gives_the_same_numbers(spring, monkeypatch):
    """Two Dask workers, by one setting: not a figure of the report changes but the seconds."""
    monkeypatch.setattr("sys.argv", ["backtest", "--every", "4"])
    advice = write_json(spring / "cadence.json", {"greatest_age_days": 7}).read_bytes()
    backtest.main()
    assert (spring / "cadence.json").read_bytes() == advice  # a sample is no advice: it goes into another file
    assert read_json(spring / "cadence-sample.json", "")["every"] == 4
    here = read_json(spring / "backtest.json", "")
    (spring / "backtest.json").unlink()
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        monkeypatch.setattr("sys.argv", ["backtest", "--every", "4", "--scheduler", cluster.scheduler_address])
        backtest.main()
    there = read_json(spring / "backtest.json", "")
    for report in (here, there):
        for cadence in report["cadences"].values():
            del cadence["fit_seconds"]
    assert there == here


@pytest.mark.ml_test_score("M4")
def test_a_period_never_sees_itself_or_later(small, tmp_path):
    """Planted: all outcomes from the origin on are turned round; the predictions stay the same to the bit."""
    source = small / "1_raw" / "valid.parquet"
    start = pd.Timestamp("2013-04-01", tz=ZONE)
    rows = read_parquet(source, "")
    later = (rows[EVENT_TIME] >= start) & rows["arrival_delay"].notna()
    turned = write_parquet(
        tmp_path / "turned.parquet", rows.assign(arrival_delay=rows["arrival_delay"].mask(later, 99))
    )
    for model in ("heuristic", CANDIDATE):
        task = fits.Task(model, start, start + pd.DateOffset(months=1))
        honest, other = (fits.fit(task, path, every=1, seed=1).probabilities for path in (source, turned))
        np.testing.assert_array_equal(honest, other)
    assert fits.material(turned, 1, 1)[2][-100:].all()


def test_without_rows_the_next_command_is_named(tmp_path, monkeypatch):
    """An empty DATA_DIR ends with the command that fills it."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["backtest"])
    with pytest.raises(SystemExit, match="make validate"):
        backtest.main()
