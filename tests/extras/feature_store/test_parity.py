"""What is answered by key has the bits of the offline table, from events sent over HTTP to a real service."""

import httpx
import pandas as pd
import pytest

from extras.feature_store import parity
from flights.config import Settings
from flights.extras.feature_views import views
from serving.extras.by_key.store import FeatureStore
from tests.extras.feature_store.conftest import START, empty

pytestmark = pytest.mark.exhibit

HOUR = pd.Timedelta(hours=1)


@pytest.mark.parametrize("minutes", [7, 60])
def test_inputs_and_probabilities_are_the_offline_tables(by_key_server, fresh_store, storm, minutes):
    """Every input of every flight of two hours, with the tick computed soon or an hour later."""
    server, folder = by_key_server
    first = START + (3 if minutes == 7 else 6) * HOUR
    with httpx.Client(base_url=server.url, timeout=60) as client:
        sent = parity.replayed(client, fresh_store, storm, first, first + 2 * HOUR, pd.Timedelta(minutes=minutes))
    found = parity.compared(Settings(data_dir=folder), storm, first, first + 2 * HOUR)
    assert found.rows == sent["keys"] > 100
    assert found.differences == 0


@pytest.fixture(scope="module")
def answered(by_key_server, storm):
    """An hour of predictions by key, and how to compare them with the offline table."""
    server, folder = by_key_server
    store, first = FeatureStore(f"sqlite:///{folder}/4_predictions/features.db"), START + 12 * HOUR
    empty(store)
    with httpx.Client(base_url=server.url, timeout=60) as client:
        parity.replayed(client, store, storm, first, first + HOUR, HOUR)
    store.close()
    return lambda: parity.compared(Settings(data_dir=folder), storm, first, first + HOUR)


@pytest.mark.parametrize(
    ("name", "value", "column"),
    [
        ("OVERDUE_MINUTES", 5, "overdue_3h_origin"),
        ("PRESSURE_CHANGE_HOURS", 2, "pressure_change"),
        ("last_tick", lambda minutes, every: minutes // every * every - every, "backlog_all"),
        ("last_tick", lambda minutes, _: minutes, "backlog_all"),
    ],
    ids=["a feature", "another feature", "a window off by one tick", "ticks of another length"],
)
def test_an_edit_on_the_side_of_training_alone_is_found(answered, monkeypatch, name, value, column):
    """Planted: the offline table is computed by other rules than the store's, and the input is named."""
    assert answered().differences == 0
    monkeypatch.setattr(views, name, value)
    found = answered()
    assert found.columns[column] > 0
    assert found.columns["distance"] == 0


@pytest.mark.parametrize("kind", ["weather", "arrival", "departure"])
def test_an_event_that_the_store_does_not_have_is_found(by_key_server, fresh_store, storm, kind):
    """Planted: every fifth event of a kind is never sent; the inputs that it fills differ, and are named."""
    server, folder = by_key_server
    first = START + {"weather": 9, "arrival": 11, "departure": 13}[kind] * HOUR
    lossy = storm | {kind: storm[kind][storm[kind].index % 5 != 0]}
    with httpx.Client(base_url=server.url, timeout=60) as client:
        parity.replayed(client, fresh_store, lossy, first, first + HOUR, HOUR)
    found = parity.compared(Settings(data_dir=folder), storm, first, first + HOUR)
    named = {"weather": "temperature", "arrival": "arrival_delay_4h_all", "departure": "backlog_all"}
    assert found.columns[named[kind]] > 0
    assert found.columns["distance"] == 0
