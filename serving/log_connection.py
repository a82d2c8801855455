"""The log's database connection: opened when needed and dropped on any error, so that it recovers by itself.

Plain SQL over a DB-API driver. SQLite is built in; a plug-in brings any other database. One thread at a time uses it.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from flights.log_url import SQLITE, read_url
from flights.plugins import hooks
from flights.predictions import TABLES, timestamp
from serving.sqlite_files import Sqlite

logger = logging.getLogger("serving")

ROWS_PER_INSERT = 64  # SQLite prepares a statement once for every number of rows, and keeps 128 of them


class LogUnavailable(RuntimeError):
    """The log cannot be written, so nothing may be answered."""


class Dialect(Protocol):
    """A kind of database; a plug-in's `log_dialect(url)` returns one for its URLs."""

    mark: str  # the driver's sign for a parameter
    errors: Any  # the driver's module
    some_rows: str  # condition on the rows that a query `{}` (FROM ... LIMIT ...) finds

    def connect(self) -> Any: ...  # noqa: D102
    def is_current(self) -> bool: ...  # noqa: D102
    def committed(self) -> None: ...  # noqa: D102
    def rescue(self, connection: Any) -> None: ...  # noqa: D102
    def interrupt(self, connection: Any) -> None: ...  # noqa: D102


def dialect(url: str) -> Dialect:
    """The dialect of a URL.

    Raises
    ------
    ValueError
        No plug-in knows this kind of database.
    """
    found = Sqlite(url) if isinstance(read_url(url), Path) else None
    choices = [found, *(choose(url) for choose in ([] if found else hooks("serving.extras", "log_dialect")))]
    known: list[Dialect] = [each for each in choices if each]
    if not known:
        raise ValueError(f"PREDICTIONS_URL: no plug-in for {url.partition(':')[0]}: expected {SQLITE}<path>")
    return known[0]


class LogConnection:
    """One connection; subclasses say what is written."""

    def __init__(self, url: str):
        self.dialect = dialect(url)
        self.url = url
        self.tables = list(TABLES)  # statements that create what is missing; plug-ins add theirs
        self.on_open: list[Callable[[Any], None]] = []  # called with a cursor of each new connection
        self.available = False  # whether the last attempt to write succeeded; none was made yet
        self._connection: Any = None

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A cursor whose work is committed when the block ends.

        Raises
        ------
        LogUnavailable
            Nothing was committed, as far as the database says.
        """
        try:
            yield self.cursor()
            self._connection.commit()
            self.dialect.committed()
            self.available = True
        except Exception as error:
            self.close()
            self.available = False
            raise LogUnavailable(f"{type(error).__name__}: {error}") from error

    def cursor(self) -> Any:
        """A cursor, on a new connection if there is none or its file was replaced."""
        if self._connection is not None and not self.dialect.is_current():
            logger.error("prediction log's files were deleted, replaced or cut off: opening them again")
            with suppress(Exception):  # the files may be damaged
                self.dialect.rescue(self._connection)
            self.close()
        if self._connection is None:
            self._connection = self.dialect.connect()
            cursor = self._connection.cursor()
            try:
                for statement in self.tables:
                    cursor.execute(statement)
                for check in self.on_open:
                    check(cursor)
                self._connection.commit()
                self.dialect.committed()
            except Exception:
                self.close()
                raise
        return self._connection.cursor()

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query with `?` for each parameter."""
        cursor = self.cursor()
        cursor.execute(query.replace("?", self.dialect.mark), parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def insert(self, table: str, rows: Sequence[tuple[Any, ...]], otherwise: str = "") -> None:
        """Insert with few statements of many rows: each statement costs a wait for the event loop."""
        cursor = self.cursor()
        for first in range(0, len(rows), ROWS_PER_INSERT):
            some = rows[first : first + ROWS_PER_INSERT]
            row = f"({', '.join([self.dialect.mark] * len(some[0]))})"
            statement = f"INSERT INTO {table} VALUES {', '.join([row] * len(some))} {otherwise}"  # noqa: S608 - our own names
            cursor.execute(statement, tuple(chain.from_iterable(some)))

    def check(self) -> bool:
        """Whether the log can be written: try it if the last attempt failed, or none was made."""
        if not self.available:
            try:
                with self.transaction() as cursor:
                    cursor.execute("DELETE FROM log_checks")
                    self.insert("log_checks", [(timestamp(datetime.now(UTC)),)])
            except LogUnavailable as error:
                logger.error("prediction log unavailable", extra={"error": str(error)})
        return self.available

    def interrupt(self) -> None:
        """Let a statement that hangs end with an error, from another thread."""
        connection = self._connection
        with suppress(Exception):  # it may have been closed meanwhile
            self.dialect.interrupt(connection)

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self.dialect.errors.Error):
                connection.rollback()  # a cursor that somebody still holds would keep the lock of a closed connection
            with suppress(self.dialect.errors.Error):
                connection.close()
