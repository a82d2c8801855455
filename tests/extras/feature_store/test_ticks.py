"""The table of ticks comes from columns that are computed again, and the access to the holdout is logged."""

import pandas as pd
import pytest

from extras.feature_store import ticks
from flights.artifacts import read_json, read_parquet, write_parquet
from flights.config import Settings
from flights.dataset import ZONE
from flights.extras.feature_views.views import TICK_MINUTES
from pipelines import collect, validate
from pipelines.evaluation import holdout
from tests.flights.extras.feature_views.days import events_of, source

pytestmark = pytest.mark.exhibit

DAYS = "month == 7 and day < 15"


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The valid rows of two weeks."""
    folder = tmp_path_factory.mktemp("ticks")
    write_parquet(folder / "1_raw" / "collected.parquet", collect.collected_rows(source(DAYS)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(folder))
        validate.main()
    return folder


def day(date):
    """Local midnight."""
    return pd.Timestamp(date, tz=ZONE)


def test_each_length_is_computed_fitted_and_evaluated(rows, monkeypatch, capsys):
    """The declared tick is the collected table, and gives its metric; a longer one gives another."""
    parts = {"train": (day("2013-07-02"), day("2013-07-09")), "holdout": (day("2013-07-10"), day("2013-07-15"))}
    accesses = []
    monkeypatch.setenv("DATA_DIR", str(rows))
    monkeypatch.setattr(ticks, "CANDIDATE", "logistic")  # fitted in a second
    monkeypatch.setattr(ticks, "TICKS", (TICK_MINUTES, 60))
    monkeypatch.setattr(ticks, "periods", lambda _: parts)
    monkeypatch.setattr(ticks, "event_tables", lambda _: events_of(DAYS))
    monkeypatch.setattr(holdout, "log_access", lambda _, by, period: accesses.append((by, period)))
    ticks.main()
    assert accesses == [("ticks", parts["holdout"])]
    table = read_parquet(Settings().raw_dir / "valid.parquet", "")
    table = table[table["arrival_delay"].notna()].reset_index(drop=True)
    report = read_json(Settings().reports_dir / "ticks.json", "")["ticks"]
    declared, longer = report[str(TICK_MINUTES)], report["60"]
    assert declared["roc_auc"]["value"] == ticks.evaluated(table, parts, Settings().seed)[0]
    assert declared["better"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert longer["roc_auc"]["value"] != declared["roc_auc"]["value"]
    assert longer["better"]["low"] < longer["better"]["value"] < longer["better"]["high"]
    assert "60 min   ROC-AUC 0." in capsys.readouterr().out
    pd.testing.assert_frame_equal(ticks.rows_at(table, events_of(DAYS), TICK_MINUTES), table, check_exact=True)


def test_without_rows_the_next_command_is_named(tmp_path, monkeypatch):
    """An empty DATA_DIR ends with the command that fills it."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="make validate"):
        ticks.main()
