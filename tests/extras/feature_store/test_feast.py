"""Feast, loaded from the published ticks, answers by key with the bits of our store; where it does not is known."""

import json
import math
import os
import subprocess
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from extras.feature_store.online import Materializer
from tests.serving.running import ROOT

pytestmark = [pytest.mark.exhibit, pytest.mark.heavy]

PYTHON = ROOT / ".venv-feast" / "bin" / "python"
INSIDE = ROOT / "tests" / "extras" / "feature_store" / "inside_feast.py"


@pytest.fixture(scope="module")
def loaded(stored_events, tmp_path_factory):
    """Two published ticks, an hour apart, loaded one after the other; and what Feast answered."""
    from deploy.feast.export import export
    from serving.extras.by_key.store import FeatureStore
    from tests.extras.feature_store.conftest import START

    if not PYTHON.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs Feast: run `make .venv-feast/installed`")
    folder = tmp_path_factory.mktemp("feast")
    store = FeatureStore(f"sqlite:///{folder}/features.db")
    start = int(START.timestamp()) // 60
    for until in (start, start + 60):
        store.add([each for each in stored_events if each.counted_at <= until], complete_until=until)
        while Materializer(store, 5).step():
            pass
    ticks = [start, start + 60]
    for tick in ticks:
        export(store, folder / f"{tick}.json", tick)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "deploy" / "feast")}
    command = [PYTHON, INSIDE, folder, *map(str, ticks)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    yield SimpleNamespace(
        folder=folder, store=store, ticks=ticks, facts=json.loads((folder / "facts.json").read_text())
    )
    store.close()


def backlog(loaded, place):
    """The backlog at EWR at a tick, as our store has it."""
    ((_, content),) = loaded.store.values_of([("network_origin", "EWR", loaded.ticks[place])])
    return json.loads(content)[0]


@pytest.mark.parametrize("place", [0, 1])
def test_every_input_has_the_bits_of_our_store_and_of_the_offline_table(loaded, storm, place):
    """All inputs of all flights of a tick, by key; the offline table is computed from all events at once."""
    from deploy.feast.export import bits, differences
    from flights.dataset import INPUTS, KEY
    from flights.extras.feature_views.known import Known
    from flights.extras.feature_views.views import inputs_at
    from tests.flights.extras.feature_views.days import in_minutes_of

    tick = loaded.ticks[place]
    rows, different = differences(loaded.store, loaded.folder / f"{tick}.answers", tick)
    assert rows > 100
    assert set(different) == {column.name for column in INPUTS}
    assert sum(different.values()) == 0
    answers = pq.read_table(loaded.folder / f"{tick}.answers")
    keys = np.array(answers[KEY].to_pylist(), object)
    offline = inputs_at(Known(in_minutes_of(storm)), {KEY: keys}, np.full(rows, tick))
    for column in (each.name for each in INPUTS if each.kind == "number"):
        values = [None if math.isnan(value) else value.hex() for value in offline[column].tolist()]
        assert list(bits(answers[column])) == values, column


@pytest.mark.parametrize(
    ("column", "change"),
    [("backlog_all", lambda value: np.nextafter(value, 9e9)), ("carrier", str.lower), ("temperature", lambda _: None)],
)
def test_a_value_that_differs_is_found(loaded, tmp_path, column, change):
    """Planted in one answer: another last bit, another text, and a missing value."""
    from deploy.feast.export import differences

    answers = pq.read_table(loaded.folder / f"{loaded.ticks[0]}.answers").to_pandas()
    answers.loc[7, column] = change(answers.loc[7, column])
    answers.to_parquet(tmp_path / "answers")
    _, different = differences(loaded.store, tmp_path / "answers", loaded.ticks[0])
    assert {name for name, count in different.items() if count} == {column}


def test_the_adapter_expires_what_our_store_expires(loaded):
    """An hour and a minute after the last tick only the timetable is left."""
    from deploy.feast.export import differences

    _, different = differences(loaded.store, loaded.folder / "later.answers", loaded.ticks[-1], 61)
    assert sum(different.values()) == 0
    assert pq.read_table(loaded.folder / "later.answers")["backlog_all"].null_count > 100


def test_known_feast_returns_an_expired_value(loaded):
    """feast#6821: a value of 2013 with a `ttl` of an hour is PRESENT, and so is a flight that is no longer computed."""
    assert loaded.facts["expired"] == ["PRESENT", backlog(loaded, -1)]
    assert loaded.facts["gone"][0] == "PRESENT"


def test_known_feast_lets_an_older_value_replace_a_newer_one(loaded):
    """In its SQLite store, without an issue of its own; the adapter rejects an older tick."""
    assert "it would replace newer values" in loaded.facts["rejected"]
    assert loaded.facts["older"] == ["PRESENT", backlog(loaded, 0)]
    assert backlog(loaded, 0) != backlog(loaded, -1)


def test_known_feast_leaks_what_was_restated_later(loaded):
    """feast#6615: a value that was created a day after the tick is in the history as of the tick, without an option."""
    assert loaded.facts["leaks"] == [backlog(loaded, 0) + 1000]
    assert loaded.facts["kept"] == [backlog(loaded, 0)]
