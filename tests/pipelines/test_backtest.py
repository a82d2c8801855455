"""Every month is predicted from months before it, and the report says what they gave."""

import numpy as np
import pandas as pd
import pytest

from flights.artifacts import read_json, read_parquet, write_parquet
from flights.dataset import EVENT_TIME, ZONE
from pipelines import backtest


@pytest.fixture(scope="module")
def small(collected, tmp_path_factory):
    """A DATA_DIR with a sixteenth of January to May."""
    folder = tmp_path_factory.mktemp("backtest")
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    write_parquet(folder / "1_raw" / "valid.parquet", rows[rows[EVENT_TIME] < "2013-06-01"][::16])
    return folder


def test_the_report(small, monkeypatch, capsys):
    """Two months: better than the heuristic in each, as a table, as numbers and as a picture."""
    monkeypatch.setenv("DATA_DIR", str(small))
    monkeypatch.setattr(backtest, "LAST_MONTH", "2013-05")
    monkeypatch.setattr(backtest, "WORKERS", 1)
    backtest.main()
    report = read_json(small / "5_reports" / "backtest.json", "")
    assert list(report["months"]) == ["2013-04", "2013-05"]
    areas = [month["candidate"]["roc_auc"] for month in report["months"].values()]
    assert report["roc_auc"]["candidate"] == {"mean": pytest.approx(np.mean(areas)), "lowest": min(areas)}
    for month in report["months"].values():
        assert month["candidate"]["roc_auc"] > month["heuristic"]["roc_auc"]
    assert (small / "5_reports" / "backtest.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert f"{areas[0]:.3f}" in printed
    assert "read 2 months" in printed


def test_a_month_never_sees_itself_or_later(small):
    """Planted: all outcomes from the month on are turned round; its predictions stay the same to the bit."""
    source = small / "1_raw" / "valid.parquet"
    honest = backtest.month_predictions(source, "2013-04", seed=1)
    rows = read_parquet(source, "")
    later = (rows[EVENT_TIME] >= pd.Timestamp("2013-04-01", tz=ZONE)) & rows["arrival_delay"].notna()
    other = write_parquet(small / "other.parquet", rows.assign(arrival_delay=rows["arrival_delay"].mask(later, 99.0)))
    turned = backtest.month_predictions(other, "2013-04", seed=1)
    assert turned["targets"].all()
    assert not honest["targets"].all()
    for name in backtest.MODELS:
        np.testing.assert_array_equal(honest[name], turned[name])
