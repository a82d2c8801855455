import time

import numpy as np
import pandas as pd
import pytest

from flights.dataset import EVENT_TIME
from monitoring.check import is_firing
from monitoring.checks import drift
from tests.declared import BY_NAME, NUMBERS
from tests.monitoring.conftest import view_of

Parts = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def parts(autumn: pd.DataFrame) -> Parts:
    """September and October to compare with, and November."""
    return autumn[autumn["day"] < "2013-11-01"], autumn[autumn["day"] >= "2013-11-01"]


def drifting(reference: pd.DataFrame, live: pd.DataFrame) -> dict[str, int]:
    """The checks that fire, with the number of days."""
    checks = drift.checks(view_of(live, reference))
    return {check.name: int(is_firing(check).sum()) for check in checks if is_firing(check).any()}


def test_a_clean_month_does_not_drift(months: Parts):
    """A month like those before it fires nothing."""
    assert drifting(*months) == {}


def test_a_real_month_does_not_drift(parts: Parts):
    """November after September and October fires nothing, though it is 15 degrees colder."""
    assert drifting(*parts) == {}


def test_a_change_of_unit_drifts(parts: Parts):
    """Kilometres for miles from the middle of the month on fire for their column, and for no other."""
    reference, live = parts
    late = live["day"] >= "2013-11-15"
    faulty = live.assign(distance=live["distance"].where(~late, live["distance"] * 1.6))
    assert drifting(reference, faulty).keys() == {"distance: drift"}


def test_a_clock_that_is_hours_off_drifts(parts: Parts):
    """Local times sent as UTC move the hour of the day, and the day's calendar columns fire nothing."""
    reference, live = parts
    faulty = live.assign(**{EVENT_TIME: live[EVENT_TIME] - pd.Timedelta(hours=5)})
    assert drifting(reference, faulty).keys() == {"hour of day: drift"}


def test_a_stranger_s_text_is_not_repeated(months: Parts):
    """A text that the reference does not know becomes one word of ours; missing stays missing."""
    reference, live = months
    name, known = drift.TEXTS[0], BY_NAME[drift.TEXTS[0]].example
    hostile = live.head(3).assign(**{name: ["</script><script>alert(1)</script>", None, known]})
    seen = drift.drift_columns(hostile, drift.known_texts(reference))
    assert seen[name].fillna("missing").tolist() == [drift.OTHER, "missing", known]


def test_days_in_any_order_have_the_same_distances(months: Parts):
    """Injected: the newest day first. Each distance and each limit is the same, to the bit."""
    ordered, reversed_days = (
        drift.checks(view_of(*(rows.sort_values("day", ascending=newest_last, kind="stable") for rows in months[::-1])))
        for newest_last in (True, False)
    )
    assert len(ordered) > 1
    for check, other in zip(ordered, reversed_days, strict=True):
        assert check.high == other.high
        pd.testing.assert_series_equal(check.values, other.values, check_exact=True)


def test_empty_days_and_columns_have_no_distance(months: Parts):
    """No rows, and columns with nothing in them, are states and no errors."""
    reference, live = months
    empty = dict.fromkeys((column.name for column in NUMBERS[-2:]), np.nan)
    assert drifting(reference, live.head(0)) == {}
    assert drifting(reference, live.assign(**empty)) == {}
    assert not {f"{name}: drift" for name in empty} & drifting(reference.assign(**empty), live).keys()


def test_every_check_can_fire_within_the_contract(parts: Parts, monkeypatch: pytest.MonkeyPatch):
    """All of a column at one of its bounds, or all of it one text, fires; the wind's direction has no check."""
    reference, live = parts
    deaf, without = set(), set()
    for name in drift.COLUMNS:
        monkeypatch.setattr(drift, "COLUMNS", (name,))
        past = drift.drift_columns(reference, drift.known_texts(reference))
        ends = [past[name].value_counts().index[-1]] if name in drift.TEXTS else drift.BOUNDS[name]
        planted = [planted_column(live.head(1500), name, end) for end in ends]
        checks = [check for rows in planted for check in drift.checks(view_of(rows, reference))]
        without |= set() if checks else {name}
        deaf |= set() if any(is_firing(check).any() for check in checks) else {name}
    assert deaf == without == {"wind_direction"}  # clean days go eight tenths of the way across the dial


def planted_column(rows: pd.DataFrame, name: str, value: object) -> pd.DataFrame:
    """Rows with one value in a compared column; the hour moves the event."""
    if name != drift.HOUR:
        return rows.assign(**{name: value})
    hours = rows["day"].dt.tz_localize("America/New_York") + pd.to_timedelta(min(value, 23.9), unit="h")
    return rows.assign(**{EVENT_TIME: hours.dt.tz_convert("UTC")})


def test_predictions_that_all_go_up_drift(months: Parts):
    """Nine in ten for every row fires for the predictions, and for nothing else."""
    reference, live = months
    assert drifting(reference, live.assign(probability=0.9)).keys() == {"probability: drift"}


def test_a_small_log_is_not_louder(parts: Parts):
    """One flight in eight of a clean month: limits allow for the noise of 30 rows a day."""
    reference, live = parts
    assert drifting(reference, live[::8]) == {}


def test_thousands_of_texts_cost_no_more_than_their_rows():
    """Injected: 5,000 merchants. The rarest is the farthest; asking each of them for all others took minutes."""
    name = drift.TEXTS[0]
    values = np.array([f"text {min(place % 5000, 4998)}" for place in range(20_000)] + ["rare"], object)
    start = time.process_time()
    most = drift.maximum(name, values, 1.0)
    assert time.process_time() - start < 2
    few = np.array(["a"] * 5 + ["b"] * 3 + ["c"], object)
    assert drift.maximum(name, few, 1.0) == max(drift.distance(few, np.array([each], object)) for each in "abc")
    assert drift.distance(few, np.array(["c"], object)) < most


def test_a_limit_lies_between_noise_and_bound():
    """Far beyond clean days where there is room, half of the way where there is less, and none where there is none."""
    days = [1.0, 0.5, 0.6, 0.4, 0.7, 0.5]
    assert drift.limit(days, 100) == drift.MARGIN
    assert drift.limit(days, 2) == (0.6 + 2) / 2
    assert np.isnan(drift.limit(days, 0.8))
    assert np.isnan(drift.limit([], 2))


def test_a_day_that_strays_does_not_become_the_norm(parts: Parts):
    """A failure that lasts for weeks still fires at the end of them."""
    reference, live = parts
    faulty = live.assign(distance=live["distance"] * 1.6)
    assert drifting(reference, faulty)["distance: drift"] == live["day"].nunique() - 2
