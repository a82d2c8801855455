"""A day of stored events, whose ticks can be published again and again.

What reads the example's declarations is imported by the fixtures: with other data, this file is imported, too.
"""

import httpx
import pandas as pd
import pytest

from serving.extras.by_key.store import FeatureStore
from tests.serving.published import publish_champion
from tests.serving.running import running

START = pd.Timestamp("2013-07-09T10:00Z")


@pytest.fixture(scope="session")
def storm():
    """Three days of events."""
    from tests.flights.extras.feature_views.days import events_of

    return events_of()


@pytest.fixture(scope="session")
def bodies(storm):
    """The same, as bodies for `/events`."""
    from extras.feature_store.delivery import event_bodies

    return event_bodies(storm, pd.Timestamp("2013-01-01T00:00Z"))


@pytest.fixture(scope="session")
def stored_events(bodies):
    """The same, as the store keeps them."""
    from serving.extras.by_key.bodies import Events
    from serving.extras.by_key.incoming import stored

    chunks = [bodies["body"][begin : begin + 1000].tolist() for begin in range(0, len(bodies), 1000)]
    events = [one for chunk in chunks for one in Events.model_validate_json(as_json(chunk)).events]
    return [stored(one, f"2026-01-01T00:00:00.{place:06d}Z") for place, one in enumerate(events)]


def as_json(bodies):
    """A request body."""
    return httpx.Request("POST", "http://x", json={"events": bodies}).content


@pytest.fixture
def make_store(stored_events, tmp_path):
    """Stores with the events that are known by START and by an hour later, of which no tick is published."""

    def make(name, hours=1):
        store = FeatureStore(f"sqlite:///{tmp_path}/{name}.db")
        start = int(START.timestamp()) // 60
        store.add([each for each in stored_events if each.counted_at <= start], complete_until=start)
        store.after = [each for each in stored_events if start < each.counted_at <= start + 60 * hours]
        store.until = start + 60 * hours
        return store

    return make


@pytest.fixture(scope="session")
def by_key_server(tmp_path_factory):
    """A service that predicts by key."""
    folder = tmp_path_factory.mktemp("by-key")
    publish_champion(folder / "3_models", 1, seed=1)
    with running(folder, PREDICT_BY_KEY="1") as server:
        server.wait()
        yield server, folder


@pytest.fixture
def fresh_store(by_key_server):
    """The server's store, emptied."""
    store = FeatureStore(f"sqlite:///{by_key_server[1]}/4_predictions/features.db")
    empty(store)
    yield store
    store.close()


def empty(store):
    """Remove everything from a store."""
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM feature_events")
        cursor.execute("DELETE FROM feature_values")
        cursor.execute("UPDATE feature_clock SET complete_until = 0, closed_until = 0, published_until = 0")
