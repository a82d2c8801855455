"""What `make alarms` measures: that a fault is seen and that quiet is no accident of checks that cannot move."""

import numpy as np
import pandas as pd
import pytest

from docs.alarms import row_of, seen_by
from extras.drills import alarms
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME, targets
from monitoring.outcomes import local_day

pytestmark = pytest.mark.exhibit

MONTH = pd.period_range("2013-11", "2013-11", freq="M")


@pytest.fixture(scope="module")
def year(collected) -> pd.DataFrame:
    """A quarter of the flights of an autumn, with probabilities that are roughly right."""
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    rows = rows[(rows[EVENT_TIME] >= "2013-09-01T04") & (rows[EVENT_TIME] < "2013-12-01T05") & ~np.isnan(targets(rows))]
    rows = rows.sort_values(EVENT_TIME)[::4].reset_index(drop=True)
    odds = 2.5 * targets(rows) + np.random.default_rng(0).normal(-2.5, 1.2, len(rows))
    return rows.assign(day=local_day(rows[EVENT_TIME]), target=targets(rows), probability=1 / (1 + np.exp(-odds)))


def test_only_figures_that_moved_count_as_quiet(year):
    """Latency, the heuristic and what the service refuses are constant or empty in a made log: no proof of anything."""
    found = alarms.clean_days(year, MONTH)
    checked = {check.name for check in alarms.month_checks(year, MONTH[0])}
    assert found["days"] == 30
    idle = {"latency p99", "answered by the heuristic", "rejected requests", "over capacity", "failed requests"}
    assert idle <= checked
    assert found["checks"] <= len(checked) - len(idle)


def test_what_is_not_clean_is_counted(year):
    """Planted: probabilities that are 0.3 too high all month. Most of its days call somebody, and the bias is named."""
    high = year.assign(probability=np.where(year["day"] >= "2013-11-01", year["probability"] * 0.7 + 0.3, 0.2))
    found = alarms.clean_days(high, MONTH)
    assert found["days_to_act"] > 15
    assert "bias" in found["days_by_check"]


def test_few_rows_a_day_are_sampled_within_each_day(year, monkeypatch):
    """Every size has the same days, at most the given number of rows on each, and the same draw for the same seed."""
    seen = []
    monkeypatch.setattr(alarms, "clean_days", lambda few, _: seen.append(few) or {"days": few["day"].nunique()})
    found = alarms.clean_days_by_rows(year, MONTH, seed=1)
    assert found == {str(rows): {"days": year["day"].nunique()} for rows in alarms.ROWS_A_DAY}
    for rows, few in zip(alarms.ROWS_A_DAY, seen, strict=True):
        assert few.groupby("day").size().max() <= rows
        assert few[EVENT_TIME].is_monotonic_increasing
    alarms.clean_days_by_rows(year, MONTH, seed=1)
    pd.testing.assert_frame_equal(seen[0], seen[len(alarms.ROWS_A_DAY)])


def test_what_is_not_clean_is_counted_with_few_rows_too(year, monkeypatch):
    """Planted: probabilities that are 0.3 too high all month; so large a bias shows at the smallest size."""
    rows = min(alarms.ROWS_A_DAY)
    monkeypatch.setattr(alarms, "ROWS_A_DAY", (rows,))
    high = year.assign(probability=np.where(year["day"] >= "2013-11-01", year["probability"] * 0.7 + 0.3, 0.2))
    found = alarms.clean_days_by_rows(high, MONTH, seed=1)[str(rows)]
    assert found["days_to_act"] > 5
    assert "bias" in found["days_by_check"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("drill", "action"),
    [("feed-frozen", "fix the feed"), ("labels-stop", "relabel"), (alarms.BAD_VERSION, "roll back")],
)
def test_a_drill_ends_in_its_action(a_copy, drill, action):
    """On an eighth of the flights, through a real log and the real monitor; the folder itself stays as it was."""
    found = alarms.drilled(Settings(), drill)
    assert found["action"] == action
    assert 1 <= found["days_to_action"] <= 30
    assert not (a_copy / "4_predictions" / "predictions.db").exists()
    assert not (a_copy / "3_models" / "flights" / "2").exists()


def test_what_rings_without_a_drill_has_seen_none():
    """The same figure on the same day is no sight of the fault; columns share a row, the hour has its own."""
    assert seen_by({"bias": 9, "dest: drift": 4, "wind: drift": 3}, {"bias": 9}) == {"drift of a column": 3}
    assert row_of("hour of day: drift") == "hour of day: drift"
