"""Instants are right on every clock, and a source that changed is rejected."""

import numpy as np
import pandas as pd
import pytest

from pipelines.collection import timetable
from pipelines.collection.timetable import SourceError

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def tables():
    """The source's tables."""
    folder = timetable.source_folder()
    return {name: pd.read_csv(folder / file) for name, file in timetable.TABLES.items()}


@pytest.fixture(scope="module")
def instants(tables):
    """All departures with their instants."""
    return timetable.with_instants(tables["flights"], tables["airports"])


def wall_clock(times, zone):
    """HHMM on the clocks of a zone."""
    local = times.dt.tz_convert(zone).dt
    return local.hour * 100 + local.minute


def test_departures_agree_with_the_clock_in_new_york(tables, instants):
    """Schedule plus delay, in UTC, reads as the recorded time of departure, in all 328,521 cases of the year."""
    gone = instants["actual_departure"].notna().to_numpy()
    assert gone.sum() == 328_521
    read = wall_clock(instants["actual_departure"][gone], "America/New_York")
    np.testing.assert_array_equal(read, tables["flights"]["dep_time"][gone] % 2400)


@pytest.mark.parametrize(
    ("dest", "zone"), [("PHX", "America/Phoenix"), ("HNL", "Pacific/Honolulu"), ("SJU", "America/Puerto_Rico")]
)
def test_arrivals_agree_with_the_clock_at_the_destination(tables, instants, dest, zone):
    """Also where there is no daylight-saving time."""
    arrived = ((tables["flights"]["dest"] == dest) & instants["outcome_known_at"].notna()).to_numpy()
    read = wall_clock(instants["outcome_known_at"][arrived], zone)
    np.testing.assert_array_equal(read, tables["flights"]["arr_time"][arrived] % 2400)


def test_scheduled_minutes_are_what_the_flight_takes(tables, instants):
    """They follow the time in the air, which the difference of two local clocks does not."""
    flown = tables["flights"]["air_time"].notna()
    together = np.corrcoef(instants["scheduled_minutes"][flown], tables["flights"]["air_time"][flown])[0, 1]
    assert together > 0.98
    assert instants["scheduled_minutes"].between(50, 700).all()


def departures(**columns):
    """A timetable of one day, as the source has it."""
    hours = pd.to_datetime(pd.Series(columns.pop("time_hour")), utc=True)
    return pd.DataFrame({"year": 2013, **columns, "time_hour": hours.dt.strftime("%Y-%m-%dT%H:%M:%SZ")})


def test_the_hour_that_comes_twice():
    """At 1:30 on 3 November the source's own UTC hour says which of the two it was."""
    flights = departures(
        month=11,
        day=3,
        sched_dep_time=[130, 130, 230],
        time_hour=["2013-11-03 05:00", "2013-11-03 06:00", "2013-11-03 07:00"],
    )
    assert timetable.scheduled_departures(flights).dt.strftime("%H:%M").tolist() == ["05:30", "06:30", "07:30"]


def test_a_clock_that_disagrees_is_refused():
    """Planted: a UTC hour that is really the local one."""
    flights = departures(month=7, day=1, sched_dep_time=[900], time_hour=["2013-07-01 09:00"])
    with pytest.raises(SourceError, match="1 departures disagree with the source's time_hour, first at row 0"):
        timetable.scheduled_departures(flights)


def test_clock_reads_hhmm():
    """5:17, midnight, and the midnight that ends the day."""
    minutes = timetable.clock(pd.Series([517, 0, 2400])).dt.total_seconds() / 60
    assert minutes.tolist() == [317, 0, 1440]


def test_an_airport_without_a_zone_is_refused(tables):
    """Planted: a destination that is in no table."""
    source = tables["flights"][:3].assign(dest="XXX")
    with pytest.raises(SourceError, match=r"no time zone for \['XXX'\]: add it to MISSING_ZONES"):
        timetable.with_instants(source, tables["airports"])


def test_a_missing_package_names_the_next_step(monkeypatch):
    """Planted: a source that is not installed."""
    monkeypatch.setattr(timetable, "SOURCE", "no_such_package")
    with pytest.raises(SourceError, match="no_such_package is not installed"):
        timetable.source_folder()
