"""Writes and reads of the feature store, each in one transaction, over the prediction log's kind of connection.

An event that comes after its tick was closed counts from the next tick on: what a view saw at a tick never changes, so
a crash, a second materializer or a repeated tick cannot make a difference.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from flights.extras.feature_store.tables import TABLES, Event, Value
from serving.log_connection import LogConnection

CLOCK = "SELECT complete_until, closed_until, published_until FROM feature_clock"


class Clock(NamedTuple):
    """How far the ticks are, in minutes; 0 is never."""

    complete_until: int
    closed_until: int
    published_until: int


class Accepted(NamedTuple):
    """What became of some events."""

    repeated: int
    late: int
    clock: Clock
    restated: str = ""  # entity of an event that was sent before under the same `known_at`: then nothing was written


class FeatureStore(LogConnection):
    """The feature store at a URL."""

    def __init__(self, url: str):
        super().__init__(url)
        self.tables = list(TABLES)

    def add(self, events: Sequence[Event], complete_until: int = 0) -> Accepted:
        """Append what is new, and say until when no more will come.

        Raises
        ------
        LogUnavailable
            Nothing was written.
        """
        fresh: dict[tuple[str, str, str], Event] = {}
        repeated = late = 0
        with self.transaction() as cursor:
            clock = self._locked_clock(cursor)
            for event in events:
                name = event[:3]
                before = fresh.get(name) or self._found(name)
                if before is None:
                    late += event.counted_at <= clock.closed_until
                    fresh[name] = event._replace(counted_at=max(event.counted_at, clock.closed_until + 1))
                elif (before.event_time, before.content) != (event.event_time, event.content):
                    return Accepted(0, 0, clock, restated=event.entity)
                else:
                    repeated += 1
            self.insert("feature_events", list(fresh.values()))
            clock = clock._replace(complete_until=max(clock.complete_until, complete_until))
            cursor.execute(f"UPDATE feature_clock SET complete_until = {clock.complete_until:d}")  # noqa: S608 - a number
        return Accepted(repeated, late, clock)

    def close_ticks(self, every: int) -> Clock:
        """Close every tick whose events are complete: what comes from now on counts later.

        Raises
        ------
        LogUnavailable
            None was closed.
        """
        with self.transaction() as cursor:
            clock = self.clock()
            if clock.closed_until < clock.complete_until // every * every:  # if not, nothing is written
                clock = self._locked_clock(cursor)
                clock = clock._replace(closed_until=max(clock.closed_until, clock.complete_until // every * every))
                cursor.execute(f"UPDATE feature_clock SET closed_until = {clock.closed_until:d}")  # noqa: S608 - a number
        return clock

    def publish(self, before: int, until: int, values: Sequence[Value]) -> bool:
        """Append the views of the ticks after `before` and until another; False if others were published meanwhile.

        Raises
        ------
        LogUnavailable
            Nothing was published.
        """
        with self.transaction() as cursor:
            if self._locked_clock(cursor).published_until != before:
                return False
            self.insert("feature_values", values)
            cursor.execute(f"UPDATE feature_clock SET published_until = {until:d}")  # noqa: S608 - a number
        return True

    def clock(self) -> Clock:
        """How far the ticks are."""
        return Clock(*self.rows(CLOCK)[0])

    def counted_between(self, after: int, until: int, oldest: int, lasting: Sequence[str]) -> list[Event]:
        """The events that count from a minute after one and until another, in that order.

        Left out are those that happened before `oldest`, unless their kind is `lasting`.
        """
        query = (
            "SELECT * FROM feature_events WHERE counted_at > ? AND counted_at <= ? AND (happened >= ?{}) ORDER BY {}"
        )
        query = query.format(" OR kind = ?" * len(lasting), "counted_at, received_at")
        return [Event(*row) for row in self.rows(query, (after, until, oldest, *lasting))]

    def versions(self, kind: str, entity: str) -> list[Event]:
        """The versions of one entity's event."""
        query = "SELECT * FROM feature_events WHERE kind = ? AND entity = ? ORDER BY known_at"
        return [Event(*row) for row in self.rows(query, (kind, entity))]

    def events_of(self, kinds: Sequence[str], entities: Sequence[str]) -> dict[str, dict[str, list[Event]]]:
        """The versions of some entities' events, by kind and entity, the one that became known last at the end."""
        found: dict[str, dict[str, list[Event]]] = {kind: {} for kind in kinds}
        for row in self.rows(events_query(len(kinds), len(entities)), (*kinds, *entities)):
            found[row[0]].setdefault(row[1], []).append(Event(*row))
        return found

    def values_of(self, asked: Sequence[tuple[str, str, int]]) -> list[tuple[int, str | None]]:
        """The last values of a view and an entity as of a tick, and their first tick; (0, None) if there are none."""
        parameters = [value for place, each in enumerate(asked) for value in (place, *each)]
        found = dict(self.rows(values_query(len(asked)), parameters))
        parts = [(found[place] or "0:").partition(":") for place in range(len(asked))]
        return [(int(since), content or None) for since, _, content in parts]

    def values(self, tick: int) -> dict[tuple[str, str], str]:
        """All values as of a tick."""
        query = (
            "SELECT view_name, entity, content FROM feature_values AS one WHERE tick = (SELECT MAX(tick) FROM "
            "feature_values WHERE view_name = one.view_name AND entity = one.entity AND tick <= ?)"
        )
        return {row[:2]: row[2] for row in self.rows(query, (tick,)) if row[2] is not None}

    def _locked_clock(self, cursor: object) -> Clock:
        """The clock, locked until the transaction ends: in PostgreSQL by the row, in SQLite by the database."""
        cursor.execute("UPDATE feature_clock SET one = 1")  # type: ignore[attr-defined]
        return self.clock()

    def _found(self, name: tuple[str, str, str]) -> Event | None:
        query = "SELECT * FROM feature_events WHERE kind = ? AND entity = ? AND known_at = ?"
        rows = self.rows(query, name)
        return Event(*rows[0]) if rows else None


@lru_cache(100)
def events_query(kinds: int, entities: int) -> str:
    """The events of some kinds and entities."""
    marks = [", ".join("?" * count) for count in (kinds, entities)]
    return f"SELECT * FROM feature_events WHERE kind IN ({marks[0]}) AND entity IN ({marks[1]}) ORDER BY known_at"  # noqa: S608


@lru_cache(100)
def values_query(count: int) -> str:
    """The values of some views and entities, each as of a tick."""
    marks = ", ".join(["(?, ?, ?, ?)"] * count)
    return (
        f"WITH asked (place, view_name, entity, tick) AS (VALUES {marks}) SELECT place, "  # noqa: S608 - only marks
        "(SELECT CAST(tick AS VARCHAR(20)) || ':' || COALESCE(content, '') FROM feature_values AS one "
        "WHERE one.view_name = asked.view_name AND one.entity = asked.entity AND one.tick <= asked.tick "
        "ORDER BY one.tick DESC LIMIT 1) FROM asked"
    )
