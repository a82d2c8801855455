"""The log's database connection: opened when needed and dropped on any error, so that it recovers by itself.

Plain SQL over a DB-API driver. SQLite is built in, with every commit synced, and a deleted, replaced or truncated file
is noticed. A plug-in brings any other database. One thread at a time uses it.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from flights.log_url import SQLITE, read_url
from flights.plugins import hooks
from flights.predictions import TABLES, timestamp

logger = logging.getLogger("serving")

ROWS_PER_INSERT = 64  # SQLite prepares a statement once for every number of rows, and keeps 128 of them
BUSY = 2.0  # seconds that another writer may hold SQLite before the log counts as unavailable

Found = tuple[int, int, int]  # a file's device, inode and size


class LogUnavailable(RuntimeError):
    """The log cannot be written, so nothing may be answered."""


class Sqlite:
    """SQLite, with every commit synced to the disk."""

    mark, errors, some_rows, factory = "?", sqlite3, "rowid IN (SELECT rowid {})", sqlite3.Connection

    def __init__(self, url: str):
        self.file = Path(read_url(url))
        self._files = [self.file, *(Path(f"{self.file}{end}") for end in ("-wal", "-shm"))]
        self._found: list[Found | None] = []  # the files when they were opened or last looked at

    def connect(self) -> sqlite3.Connection:
        """Open the file, and create it if it is missing."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch()
        found = _found(self.file)  # before opening: if the file is replaced meanwhile it differs
        connection = self.factory(self.file, timeout=BUSY, isolation_level="IMMEDIATE", check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, not on its way
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # creates the other two files
        self._found = [found, *map(_found, self._files[1:])]
        return connection

    def is_current(self) -> bool:
        """Whether the files are still those that were opened: none deleted, replaced or cut off."""
        return bool(self._found) and all(map(_is_same, self._found, map(_found, self._files)))

    def committed(self) -> None:
        """Note how long the files are; `FileNotFoundError` if what was committed may be in a file that is gone."""
        found = list(map(_found, self._files))
        if not all(map(_is_same, self._found, found)):
            raise FileNotFoundError(f"{self.file}: its files were deleted or replaced during a commit")
        self._found = found

    def rescue(self, connection: sqlite3.Connection) -> None:
        """Bring what was committed into a deleted file to the database; a file that was cut off is not read."""
        pairs = zip(self._found, map(_found, self._files), strict=True)
        if all(before is None or now is None or before[2] <= now[2] for before, now in pairs):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def interrupt(self, connection: sqlite3.Connection) -> None:
        """End a running statement from another thread."""
        connection.interrupt()


def _found(path: Path) -> Found | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size


def _is_same(before: Found | None, now: Found | None) -> bool:
    return before is not None and now is not None and before[:2] == now[:2] and before[2] <= now[2]


def dialect(url: str) -> Sqlite:
    """SQLite, or of another database what a plug-in's `log_dialect(url)` returns: the same attributes and methods.

    Raises
    ------
    ValueError
        No plug-in knows this kind of database.
    """
    if isinstance(read_url(url), Path):
        return Sqlite(url)
    for choose in hooks("serving.extras", "log_dialect"):
        found: Sqlite | None = choose(url)
        if found:
            return found
    raise ValueError(f"PREDICTIONS_URL: no plug-in for {url.partition(':')[0]}: expected {SQLITE}<path>")


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
            cursor, opened = self.cursor(), self._connection
            yield cursor
            if self._connection is not opened:
                raise FileNotFoundError("the log was opened again during a transaction")
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
