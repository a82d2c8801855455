"""What the benchmark asks by key is in the store, and is a new prediction at each tick."""

import json

import pytest

from extras.feature_store.load import BATCH, DUE, KeyLoad
from flights.dataset import KEY
from serving.extras.by_key.store import FeatureStore

pytestmark = pytest.mark.exhibit


@pytest.fixture
def load(tmp_path):
    """A store of 250 flights."""
    (tmp_path / "4_predictions").mkdir()
    return KeyLoad(tmp_path, 250)


def test_each_key_is_asked_for_once(load):
    """Alone, and in whole batches."""
    bodies = load.bodies()
    one = [json.loads(body)[KEY] for body in bodies["/predict/by-key"]]
    many = [key for body in bodies["/predict/by-key/batch"] for key in json.loads(body)["keys"]]
    assert len(set(one)) == len(one) == 250
    assert many == one[: 250 // BATCH * BATCH]


def test_a_tick_is_published_each_time(load, tmp_path):
    """Before the moment of the flights, so that no key is answered from the log."""
    store = FeatureStore(f"sqlite:///{tmp_path}/4_predictions/features.db")
    ticks = [store.clock().published_until]
    for _ in range(3):
        load.next_tick()
        ticks.append(store.clock().published_until)
    assert ticks == [ticks[0] + step for step in range(4)]
    assert ticks[-1] < DUE
