"""The source's tables are events of flights with their instants, whatever part of the tables is read."""

import pytest

from extras.feature_store.source import event_tables
from tests.flights.extras.feature_views.days import events_of, source

pytestmark = pytest.mark.exhibit


@pytest.mark.parametrize("missing", ["flights", "weather", "planes", "airports"])
def test_every_table_is_needed(missing):
    """A table that is not there is named."""
    with pytest.raises(KeyError, match=missing):
        event_tables({name: table for name, table in source().items() if name != missing})


def test_the_tables_give_the_events():
    """Of each kind as many, in the order in which they became known."""
    found, expected = event_tables(source()), events_of()
    assert {name: len(table) for name, table in found.items()} == {name: len(each) for name, each in expected.items()}
    assert all(table["known_at"].is_monotonic_increasing for table in found.values())
