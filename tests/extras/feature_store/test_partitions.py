"""Events are in files of their months, and a period's are found by the names of the files."""

import pandas as pd
import pytest

from extras.feature_store import partitions

pytestmark = pytest.mark.exhibit

BEGIN, END = pd.Timestamp("2013-07-01", tz="UTC"), pd.Timestamp("2013-08-01", tz="UTC")


@pytest.fixture
def folder(storm, tmp_path):
    """Three days of July, written in two parts, as two repetitions of a source share a month."""
    halves = {name: (table[::2], table[1::2]) for name, table in storm.items()}
    for part in range(2):
        lasting = {name: storm[name] for name in ("aircraft",)}
        partitions.write_events({name: each[part] for name, each in halves.items()} | lasting, tmp_path)
    return tmp_path


def test_nothing_is_lost_and_nothing_comes_twice(storm, folder):
    """Of what happened and of what lasts; in the order in which it became known."""
    found = partitions.read_events(folder, BEGIN, END)
    assert {name: len(table) for name, table in found.items()} == {name: len(table) for name, table in storm.items()}
    assert all(table["known_at"].is_monotonic_increasing for table in found.values())
    assert partitions.partitions(folder) == [pd.Period("2013-07", "M")]


@pytest.mark.parametrize(("first", "end"), [("2013-07-08", "2013-07-09"), ("2013-07-09", "2013-07-10")])
def test_a_period_has_its_events_only(storm, folder, first, end):
    """And all that lasts, however long ago it became known."""
    first, end = (pd.Timestamp(day, tz="UTC") for day in (first, end))
    found = partitions.read_events(folder, first, end)
    inside = storm["arrival"]["event_time"]
    assert len(found["arrival"]) == ((inside >= first) & (inside < end)).sum() > 0
    assert len(found["aircraft"]) == len(storm["aircraft"])
