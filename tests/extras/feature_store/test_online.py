"""The online job publishes the same values however it is stopped, restarted, doubled or cut into steps."""

import pytest

from extras.feature_store import online
from extras.feature_store.online import Materializer
from serving.extras.by_key.store import FeatureStore
from serving.log_connection import LogUnavailable

pytestmark = pytest.mark.exhibit

EVERY = 5


def finish(materializer):
    """Publish all complete ticks."""
    while materializer.step():
        pass


def deliver(store, start=0, end=None):
    """Events of the hour after the first tick, all or some."""
    some = store.after[start:end]
    store.add(some, complete_until=store.until if end is None else some[-1].counted_at - 1)


def everything(store):
    """What is in the table of values."""
    return store.rows("SELECT * FROM feature_values ORDER BY view_name, entity, tick")


@pytest.fixture
def expected(make_store):
    """The values of a store whose ticks were published without any trouble."""
    store = make_store("expected")
    materializer = Materializer(store, EVERY)
    finish(materializer)
    deliver(store)
    finish(materializer)
    assert {row[2] for row in everything(store)} >= {store.until - 60, store.until}
    return everything(store)


def test_only_changes_are_written(expected):
    """Of an entity that stays, a value is followed by another one."""
    before = {}
    for view, entity, _, content in expected:
        assert before.get((view, entity), "") != content
        before[view, entity] = content


@pytest.mark.parametrize("block", [1, 5, 60])
def test_ticks_may_be_computed_one_by_one_or_many_at_once(make_store, expected, monkeypatch, block):
    """After a long stop it catches up in blocks, and writes what it would have written in time."""
    monkeypatch.setattr(online, "BLOCK", block)
    store = make_store("late")
    finish(Materializer(store, EVERY))
    deliver(store)
    finish(Materializer(store, EVERY))
    assert everything(store) == expected


def test_each_tick_sees_only_what_had_arrived(make_store, expected):
    """Events come a few at a time, each with a tick in between: the values are those from all events at once."""
    store = make_store("little")
    materializer = Materializer(store, EVERY)
    finish(materializer)
    for start in range(0, len(store.after), 20):
        deliver(store, start, start + 20)
        finish(materializer)
    deliver(store)
    finish(materializer)
    assert everything(store) == expected


@pytest.mark.parametrize("statement", [0, 1, 3])
def test_a_crash_at_a_write_leaves_whole_ticks(make_store, expected, monkeypatch, statement):
    """Planted: a statement of a transaction fails; another materializer goes on from the last whole tick."""
    store = make_store("crash")
    finish(Materializer(store, EVERY))
    deliver(store)
    count = iter(range(10))
    monkeypatch.setattr("serving.log_connection.ROWS_PER_INSERT", 20)
    insert = FeatureStore.insert

    def failing(self, table, rows, otherwise=""):
        for begin in range(0, len(rows), 20):
            if next(count) == statement:
                raise OSError("no space left")
            insert(self, table, rows[begin : begin + 20], otherwise)

    with monkeypatch.context() as patch:
        patch.setattr(FeatureStore, "insert", failing)
        with pytest.raises(LogUnavailable):
            Materializer(store, EVERY).step()
    assert store.rows("SELECT COUNT(*) FROM feature_values WHERE tick > ?", (store.until - 60,)) == [(0,)]
    finish(Materializer(store, EVERY))
    assert everything(store) == expected


def test_two_materializers_at_once_write_what_one_writes(make_store, expected, monkeypatch):
    """They take turns in the middle of each other's work; the slower one starts again from what is published."""
    monkeypatch.setattr(online, "BLOCK", 2)
    store = make_store("two")
    one, other = Materializer(store, EVERY), Materializer(FeatureStore(store.url), EVERY)
    finish(one)
    deliver(store)
    compute = online.contents_at

    def interrupted(known, ticks):
        with monkeypatch.context() as patch:
            patch.setattr(online, "contents_at", compute)
            other.step()
        return compute(known, ticks)

    monkeypatch.setattr(online, "contents_at", interrupted)
    finish(one)
    assert everything(store) == expected
