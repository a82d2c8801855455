"""Events are kept once, count from when they were known or later, and ticks only go forward; on both databases."""

import threading
import time

import pytest

from flights.extras.feature_store.tables import Event, Value
from serving.extras.by_key.store import Clock, FeatureStore
from serving.log_connection import LogUnavailable


@pytest.fixture
def store(log):
    """An empty store in each kind of database."""
    opened = FeatureStore(log.url)
    if "postgresql" in log.url:
        with opened.transaction() as cursor:
            cursor.execute("TRUNCATE feature_events, feature_values")
            cursor.execute("UPDATE feature_clock SET complete_until = 0, closed_until = 0, published_until = 0")
    yield opened
    opened.close()


def event(entity="a", known=10, content="{}", kind="arrival", place=0):
    """An event that happened when it was known."""
    at = f"2013-11-01T00:{known:02d}:00.000000Z"
    return Event(kind, entity, at, at, content, known, known, f"2026-01-01T00:00:00.{place:06d}Z")


def counted(store):
    """What counts from when."""
    return [(each.entity, each.counted_at) for each in store.counted_between(0, 10_000, 0, [])]


def test_a_repeated_event_counts_once(store):
    """In the same request, in another one, and after a lost receipt."""
    assert store.add([event(), event(place=1)])[:2] == (1, 0)
    assert store.add([event(place=2), event("b", 12)])[:2] == (1, 0)
    assert counted(store) == [("a", 10), ("b", 12)]


@pytest.mark.parametrize(
    "other",
    [event(content='{"delay":1}'), event()._replace(event_time="2013-11-01T00:09:00.000000Z")],
    ids=["content", "event time"],
)
def test_another_content_under_the_same_moment_is_rejected(store, other):
    """Planted: an event is restated, in the same request or later; nothing of the request is written."""
    assert store.add([event("b"), event(), other]).restated == "a"
    store.add([event()])
    assert store.add([event("c"), other]).restated == "a"
    assert counted(store) == [("a", 10)]


def test_a_late_event_counts_after_the_closed_tick(store):
    """Planted: an event known at 10 comes when the tick 20 is closed; it never changes what that tick saw."""
    store.add([event("a")], complete_until=21)
    assert store.close_ticks(5) == Clock(21, 20, 0)
    assert store.add([event("b"), event("c", 20), event("d", 21), event("e", 30)]).late == 2
    assert counted(store) == [("a", 10), ("b", 21), ("c", 21), ("d", 21), ("e", 30)]
    assert store.add([event("b", place=9)])[:2] == (1, 0)  # it says the same as before


def test_ticks_never_go_back(store):
    """A sender whose clock jumps back, or that sends old events again, reopens nothing."""
    store.add([], complete_until=30)
    assert store.close_ticks(5).closed_until == 30
    assert store.add([], complete_until=12).clock.complete_until == 30
    assert store.close_ticks(5).closed_until == 30


def test_of_two_materializers_one_publishes(store):
    """The second one wrote nothing, and is told so."""
    store.add([], complete_until=30)
    store.close_ticks(5)
    assert store.publish(0, 10, [Value("v", "a", 10, "[1]")])
    assert not store.publish(0, 15, [Value("v", "a", 10, "[2]"), Value("v", "a", 15, "[3]")])
    assert store.values(99) == {("v", "a"): "[1]"}


def test_a_value_holds_until_the_next(store):
    """Nothing before the first, and nothing after it is no longer computed."""
    store.publish(0, 30, [Value("v", "a", 10, "[1]"), Value("v", "a", 20, "[2]"), Value("v", "a", 30, None)])
    asked = [("v", "a", tick) for tick in (9, 10, 19, 20, 30)]
    assert store.values_of(asked) == [(0, None), (10, "[1]"), (10, "[1]"), (20, "[2]"), (30, None)]
    assert (store.values(25), store.values(30)) == ({("v", "a"): "[2]"}, {})


def test_nothing_is_published_if_a_write_fails(store):
    """Planted: the same value twice, after others; the transaction takes all of them back."""
    with pytest.raises(LogUnavailable):
        store.publish(0, 10, [Value("v", "a", 10, "[1]"), Value("v", "b", 10, "[1]"), Value("v", "b", 10, "[1]")])
    assert (store.clock().published_until, store.values(99)) == (0, {})


def test_events_that_come_while_ticks_are_closed_count_before_or_after(store):
    """Two connections at once: no event counts within a tick that was closed before it came."""
    closed = []

    def close():
        other = FeatureStore(store.url)
        for _ in range(30):
            other.add([], complete_until=len(closed) * 5 + 5)
            clock = other.close_ticks(5)
            closed.append((clock.closed_until, {name for name, _ in seen(other, clock.closed_until)}))
        other.close()

    def seen(any_store, until):
        return [(each.entity, each.counted_at) for each in any_store.counted_between(0, until, 0, [])]

    thread = threading.Thread(target=close)
    thread.start()
    number = 0
    while thread.is_alive() or number < 60:
        store.add([event(f"e{number}", number % 50)])
        number += 1
        time.sleep(0.005)  # SQLite's lock is not fair: a writer without a pause starves the other
    thread.join()
    for until, entities in closed:
        assert {name for name, _ in seen(store, until)} == entities
