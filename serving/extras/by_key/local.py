"""Look-ups that read SQLite on the event loop: they take less time than handing them to another thread.

A connection of its own reads, and waits for nobody. What was read is kept until the database has newer rows of it: its
rows are only added, and SQLite tells by its data version whether anything changed. On any error, and for another
database, the store's thread looks up.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from serving.extras.by_key.lookup import Known
from serving.extras.by_key.store import Clock, FeatureStore
from serving.log_connection import Sqlite
from serving.refusal import Refused

logger = logging.getLogger("serving")

CHECK_SECONDS = 0.05  # between two looks whether the files are still those that were opened
MAX_FLIGHTS = 3_000  # that are kept: some 10 MB
MAX_ADDED = 5_000  # rows that are looked through; of more it is faster to read all again
LAST = (  # one statement sees one state of the database
    "SELECT complete_until, closed_until, published_until, (SELECT COALESCE(MAX(rowid), 0) FROM feature_events), "
    "(SELECT COALESCE(MAX(rowid), 0) FROM feature_values) FROM feature_clock"
)
NEWEST = (  # others, if all rows were deleted and more were added
    "SELECT (SELECT entity || received_at FROM feature_events WHERE rowid = ?), "
    "(SELECT view_name || entity || tick || COALESCE(content, '') FROM feature_values WHERE rowid = ?)"
)
ADDED_EVENTS = "SELECT DISTINCT entity FROM feature_events WHERE rowid > ?"
ADDED_VALUES = "SELECT DISTINCT view_name, entity FROM feature_values WHERE rowid > ?"

T = TypeVar("T")


class OpenStore(FeatureStore):
    """A store whose files are looked at once for each look-up, and not for each statement."""

    def cursor(self) -> Any:
        """A cursor of the open connection, or of a new one."""
        return super().cursor() if self._connection is None else self._connection.cursor()

    def data_version(self) -> int:
        """A number that changes when another connection commits anything."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version


class LocalReader:
    """Reads a store's SQLite file, where it is one and can be read at once."""

    def __init__(self, url: str):
        self._store = OpenStore(url)
        self._store.on_open.append(read_only)
        self._known = Known()
        self._last: tuple[int, ...] = (0, 0)  # the rows that were there when something had changed
        self._newest: list[tuple[str | None, ...]] = []  # the newest of them
        self.version = -1
        self._open = False
        self._checked = 0.0

    def open(self) -> None:
        """Open the file, in the store's thread; another kind of database is left alone."""
        if isinstance(self._store.dialect, Sqlite) and not self._open:
            self._store.cursor()
            self.version, self._checked, self._open = -1, 0.0, True

    def read(self, work: Callable[[FeatureStore, Known], T]) -> T | None:
        """What some work finds; None if the store's thread has to do it, which then opens the file again.

        Raises
        ------
        Refused
            The work was done, and this is its result.
        """
        if not self._open:
            return None
        try:
            now = time.monotonic()
            if now < self._checked + CHECK_SECONDS or self._store.dialect.is_current():
                self._checked = self._checked if now < self._checked + CHECK_SECONDS else now
                return work(self._store, self._current())
        except Refused:
            raise
        except Exception:  # the store's thread meets the same error, and logs it
            logger.debug("the store's thread looks up", exc_info=True)
        self.close()
        return None

    def close(self) -> None:
        """Close the file, until it is opened again."""
        self._open = False
        self._store.close()

    def has_changed(self, version: int) -> bool:
        """Whether something may have changed since a data version."""
        try:
            return not self._open or self._store.data_version() != version
        except Exception:  # the next look-up meets the same error
            return True

    def _current(self) -> Known:
        """What was read and still holds."""
        version = self._store.data_version()
        if version != self.version or len(self._known.flights) > MAX_FLIGHTS:
            self._forget()
            self.version = version
        return self._known

    def _forget(self) -> None:
        """Forget the flights and values with new rows; or all, if new rows do not explain what changed."""
        before, known = self._last, self._known
        (row,) = self._store.rows(LAST)
        clock, last, newest = Clock(*row[:3]), row[3:], self._store.rows(NEWEST, before)
        added = [now - then for now, then in zip(last, before, strict=True)]
        explained = self.version >= 0 and newest == self._newest and (any(added) or clock != known.clock)
        if not explained or min(added) < 0 or sum(added) > MAX_ADDED or len(known.flights) > MAX_FLIGHTS:
            known = self._known = Known()
        elif any(added):
            for (entity,) in self._store.rows(ADDED_EVENTS, before[:1]):
                known.flights.pop(entity, None)
            for name in self._store.rows(ADDED_VALUES, before[1:]):
                known.parts.pop(name, None)
        known.clock, self._last, self._newest = clock, last, self._store.rows(NEWEST, last)


def read_only(cursor: Any) -> None:
    """Let a connection of SQLite neither write nor wait."""
    cursor.connection.commit()
    cursor.execute("PRAGMA query_only = 1")
    cursor.execute("PRAGMA busy_timeout = 0")
