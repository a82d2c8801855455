"""The offline table by partitions has the bytes of the one that is computed at once, whichever engine computes it."""

import pandas as pd
import pytest

from extras.feature_store import backfill, partitions
from flights.artifacts import write_parquet
from flights.dataset import KEY
from tests.flights.extras.feature_views.days import events_of

pytestmark = [pytest.mark.exhibit, pytest.mark.heavy]

DAYS = "month == 7 and day >= 3 or month == 8 and day <= 3"  # the look-back of the last partition begins in the first
LAST = pd.Period("2013-08", "M")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A month of events, and the beginning of the next one."""
    folder = tmp_path_factory.mktemp("events")
    partitions.write_events(events_of(DAYS), folder)
    return folder


@pytest.fixture(scope="module")
def at_once(source, tmp_path_factory):
    """The files of a table that was computed from all events."""
    events = partitions.read_events(source, pd.Timestamp("2013-01-01", tz="UTC"), pd.Timestamp("2014-01-01", tz="UTC"))
    target = tmp_path_factory.mktemp("once")
    for month in partitions.partitions(source):
        ends = (moment.tz_localize("UTC") for moment in (month.start_time, (month + 1).start_time))
        write_parquet(target / f"{month}.parquet", partitions.offline_rows(events, *ends))
    return files(target)


def files(folder):
    """Name and bytes of each partition."""
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


@pytest.mark.parametrize("engine", ["one", "dask"])
def test_partitions_have_the_bytes_of_the_table_at_once(source, at_once, tmp_path, engine):
    """Every partition from its own events and those of the look-back."""
    backfill.run(engine, source, tmp_path)
    assert files(tmp_path) == at_once
    assert len(at_once) == 2


@pytest.mark.parametrize("days", [1, 14, 28])
def test_an_overlap_that_is_too_short_is_found(source, at_once, tmp_path, days):
    """Planted: the longest window is 28 days of arrivals, whose departures were earlier."""
    partitions.write_partition(LAST, source, tmp_path, look_back_days=days)
    assert files(tmp_path)[f"{LAST}.parquet"] != at_once[f"{LAST}.parquet"]


def test_the_look_back_has_a_day_to_spare(source, at_once, tmp_path):
    """A day less than declared still holds; the test above is of two days less."""
    partitions.write_partition(LAST, source, tmp_path, look_back_days=29)
    assert files(tmp_path)[f"{LAST}.parquet"] == at_once[f"{LAST}.parquet"]


def test_repeated_events_are_other_flights(storm, tmp_path, monkeypatch):
    """No key is in two repetitions, none is lost where two share a month, and what lasts is the same."""
    monkeypatch.setattr(backfill, "SHIFT", pd.Timedelta(weeks=1))
    repeats = [backfill.repeated(storm, place) for place in range(3)]
    for each in repeats:
        partitions.write_events(each, tmp_path)
    found = partitions.read_events(tmp_path, pd.Timestamp("2013-07-01T00:00Z"), pd.Timestamp("2013-08-01T00:00Z"))
    assert found["timetable"][KEY].is_unique
    assert len(found["timetable"]) == 3 * len(storm["timetable"])
    assert len(found["aircraft"]) == len(storm["aircraft"])
