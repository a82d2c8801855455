"""The source's tables become events: what happened, when, and when it was known."""

import pandas as pd
import pytest

from flights.contract import contract
from flights.extras.feature_views.kinds import BY_NAME, CLOCKS
from tests.flights.extras.feature_views.days import events_of, source

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def storm():
    """Three days of events."""
    return events_of()


def test_each_kind_keeps_its_declaration(storm):
    """In the declared types; rows in the order in which they became known."""
    assert list(storm) == list(BY_NAME)
    for name, table in storm.items():
        contract((*CLOCKS, *BY_NAME[name].columns)).validate(table, lazy=True)
        assert table["known_at"].is_monotonic_increasing


def test_nothing_is_known_before_it_happened(storm):
    """But for what is planned."""
    for name, table in storm.items():
        assert BY_NAME[name].ahead or (table["known_at"] >= table["event_time"]).all()


def test_a_cancelled_flight_is_planned_and_nothing_more(storm):
    """A diverted one departs, and does not arrive."""
    flights = source()["flights"]
    counts = {name: len(storm[name]) for name in ("timetable", "departure", "arrival")}
    assert counts == {
        "timetable": len(flights),
        "departure": flights["dep_time"].notna().sum(),
        "arrival": flights["arr_delay"].notna().sum(),
    }
    assert counts["timetable"] > counts["departure"] > counts["arrival"]
    assert storm["timetable"]["event_time"].dt.tz is not None
    assert (storm["timetable"]["event_time"] - storm["timetable"]["known_at"] == pd.Timedelta(days=1)).all()
