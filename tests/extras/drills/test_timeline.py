"""A drill's timeline has every moment from the failure to the recovery, and fails without an alert."""

from xml.etree import ElementTree

import pandas as pd
import pytest

from extras.drills.drill_helpers import GuardDidNotFire
from extras.drills.timeline import Timeline, timeline
from monitoring.check import Check

pytestmark = pytest.mark.exhibit

DAYS = pd.date_range("2013-11-01", periods=14)
INJECTED, REPAIRED = pd.Timestamp("2013-11-05"), pd.Timestamp("2013-11-10")


def values(bad: float, first: int = 5, last: int = 9) -> "pd.Series[float]":
    """0.1 a day, and a bad value from the first to the last day of the failure."""
    return pd.Series([bad if first <= day.day <= last else 0.1 for day in DAYS], DAYS)


def drilled(**check: object) -> Timeline:
    """A timeline of a check with these values and limits."""
    return Timeline(Check("planted", "feed", **{"unit": "share", **check}), INJECTED, REPAIRED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("check", "detected", "alert"),
    [
        ({"values": values(1.0), "high": 0.2}, "2013-11-05", "2013-11-07"),
        ({"values": values(-1.0), "low": 0.0}, "2013-11-05", "2013-11-07"),
        ({"values": values(9.0), "high": 0.2, "needed": 1, "of": 1, "unit": "hours"}, "2013-11-05", "2013-11-05"),
        ({"values": values(1.0, first=7), "high": 0.2}, "2013-11-07", "2013-11-09"),
    ],
    ids=["above", "below", "one day is enough", "late"],
)
def test_a_failure_has_its_moments(check, detected, alert):
    """Injected: values out of range, above or below a limit, at once or later; the picture names each day."""
    told = drilled(**check)
    assert told.moments() == {
        "failure injected": INJECTED,
        "detected": pd.Timestamp(detected),
        "alert": pd.Timestamp(alert),
        "repaired": REPAIRED,
        "recovered": REPAIRED,
    }
    drawn = " ".join("".join(ElementTree.fromstring(told.svg()).itertext()).split())
    assert all(name in drawn for name in (*told.moments(), "limit", "planted"))


@pytest.mark.parametrize(
    ("check", "match"),
    [
        ({"values": values(1.0)}, "expected an alert"),
        ({"values": values(1.0, last=6), "high": 0.2}, "expected an alert"),
        ({"values": values(1.0, last=14), "high": 0.2}, "it still fires"),
        ({"values": values(1.0, first=1, last=4), "high": 0.2}, "expected an alert"),
    ],
    ids=["no limit", "two days", "no end", "before the failure"],
)
def test_a_timeline_without_alert_or_recovery_fails_the_drill(check, match):
    """Injected: a check that stays silent, fires before the failure only, or does not stop."""
    with pytest.raises(GuardDidNotFire, match=match):
        drilled(**check).moments()


def test_an_alert_stays_although_its_values_were_corrected():
    """Injected: labels that are corrected after the repair; until then the values are those that were known."""
    then = Check("planted", "labels", "share", values(1.0)[:9], high=0.2, rows=values(99.0)[:9], min_rows=35)
    later = Check("planted", "labels", "share", values(0.1), high=0.2)
    local = "America/New_York"
    told = timeline(then, later, INJECTED.tz_localize(local), REPAIRED.tz_localize(local).tz_convert("UTC"))
    assert (told.injected, told.repaired) == (INJECTED, REPAIRED)
    assert told.check.values.tolist() == values(1.0).tolist()
    assert told.moments()["alert"] == pd.Timestamp("2013-11-07")
