import pandas as pd
import pytest

from extras.drills import faults as drills
from flights.contract import contract
from flights.dataset import EVENT_TIME, INPUTS, KEY
from monitoring.traffic import Traffic, period, traffic

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def clean(autumn: pd.DataFrame) -> Traffic:
    """November's traffic, unharmed."""
    live = autumn[autumn["day"] >= "2013-11-01"]
    return traffic(live, *period(live, "2013-11", "2013-11"))


@pytest.mark.parametrize("drill", drills.DRILLS)
def test_a_drill_begins_on_its_day_and_is_the_same_each_time(clean: Traffic, drill: str):
    """The first two weeks stay clean, something changes then, and the seed decides what."""
    once, again = (drills.applied(clean, drill, seed=1) for _ in range(2))
    start = clean[0]["moment"].min() + pd.Timedelta(days=drills.CLEAN_DAYS)
    for table, same, before, moment in zip(once, again, clean, ("moment", "outcome_known_at"), strict=True):
        pd.testing.assert_frame_equal(table, same)
        early = before[before[moment] < start - pd.Timedelta(hours=12)]
        pd.testing.assert_frame_equal(table.head(len(early)), early)
    assert not (once[0].equals(clean[0]) and once[1].equals(clean[1]))


def test_no_drill_changes_nothing(clean: Traffic):
    """Without a drill the traffic is what it was."""
    assert drills.applied(clean, "", seed=1) is clean


@pytest.mark.parametrize("drill", sorted(set(drills.DRILLS) - {"new-carrier"}))
def test_drills_pass_the_contract(clean: Traffic, drill: str):
    """The faults are quiet ones: the service would take every row; only a new carrier is refused."""
    flights, _ = drills.applied(clean, drill, seed=1)
    contract(INPUTS, strict="filter").validate(flights, lazy=True)


def test_the_feed_is_stuck_and_not_silent(clean: Traffic):
    """A stuck feed has one report a day and airport, and none is missing that was there."""
    flights, _ = drills.applied(clean, "feed-frozen", seed=1)
    late = flights[flights["moment"] > "2013-11-18"]
    days = late["moment"].dt.tz_convert("America/New_York").dt.date
    assert late.groupby([days, "origin"])["temperature"].nunique().max() == 1


def test_doubled_traffic_has_names_of_its_own(clean: Traffic):
    """Every flight twice, and no request id twice."""
    flights, outcomes = drills.applied(clean, "doubled", seed=1)
    assert flights[KEY].is_unique
    assert outcomes[KEY].is_unique


def test_the_clock_loses_the_zone(clean: Traffic):
    """Local times sent as UTC are five hours early in winter."""
    flights, _ = drills.applied(clean, "wrong-time-zone", seed=1)
    both = flights.merge(clean[0], on=KEY, suffixes=("", "_right"))
    late = both[both["moment"] > "2013-11-18"]
    assert (late[f"{EVENT_TIME}_right"] - late[EVENT_TIME] == pd.Timedelta(hours=5)).all()
