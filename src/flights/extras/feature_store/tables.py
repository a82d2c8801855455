"""The feature store's tables: events as they came, the clock of its ticks, and the values of the views.

Plain SQL for SQLite and PostgreSQL. Ticks and other minutes are counted since 1970. A tick is closed when every event
known by then has been sent, and published when the views as of it are there; nothing is read that is not published.
"""

import re
from typing import NamedTuple

BY_KEY = re.compile(
    r"(?P<key>.+):(?P<tick>\d{8}T\d{4}Z)(?:-(?P<age>\d{1,6}))?"
)  # the request ID of a prediction by key

TABLES = (  # the clock first: who opens the store waits for its row before it locks another table
    """CREATE TABLE IF NOT EXISTS feature_clock (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        complete_until BIGINT NOT NULL,
        closed_until BIGINT NOT NULL,
        published_until BIGINT NOT NULL
    )""",
    "INSERT INTO feature_clock VALUES (1, 0, 0, 0) ON CONFLICT DO NOTHING",
    """CREATE TABLE IF NOT EXISTS feature_events (
        kind VARCHAR(16) NOT NULL,
        entity VARCHAR(120) NOT NULL,
        known_at VARCHAR(32) NOT NULL,
        event_time VARCHAR(32) NOT NULL,
        content TEXT NOT NULL,
        happened BIGINT NOT NULL,
        counted_at BIGINT NOT NULL,
        received_at VARCHAR(32) NOT NULL,
        PRIMARY KEY (kind, entity, known_at)
    )""",
    "CREATE INDEX IF NOT EXISTS feature_events_counted ON feature_events (counted_at)",
    "CREATE INDEX IF NOT EXISTS feature_events_planned ON feature_events (happened) WHERE kind = 'timetable'",
    """CREATE TABLE IF NOT EXISTS feature_values (
        view_name VARCHAR(40) NOT NULL,
        entity VARCHAR(120) NOT NULL,
        tick BIGINT NOT NULL,
        content TEXT,
        PRIMARY KEY (view_name, entity, tick)
    )""",
)


class Event(NamedTuple):
    """One version of an event, in the order of the table's columns; versions are only added."""

    kind: str
    entity: str
    known_at: str
    event_time: str
    content: str  # the kind's columns as one JSON object
    happened: int
    counted_at: int  # the minute from which it counts: when it was known, but never within a closed tick
    received_at: str


class Value(NamedTuple):
    """A view's values for an entity from a tick on, in the order of the table's columns."""

    view_name: str
    entity: str
    tick: int
    content: str | None  # the view's columns as a JSON list; None: not computed for this entity from here on


def entity_name(values: tuple[object, ...]) -> str:
    """The name of an entity in the tables."""
    return "|".join(map(str, values))
