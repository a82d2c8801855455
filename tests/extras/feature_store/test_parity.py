"""What is answered by key has the bits of the offline table, from events sent over HTTP to a real service."""

import httpx
import pandas as pd
import pytest

from extras.feature_store import parity
from flights.config import Settings
from tests.extras.feature_store.conftest import START

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
