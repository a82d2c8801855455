"""The log that loses nothing: one synced transaction for all requests waiting, before any of their answers leaves.

Plain SQL over a DB-API connection: SQLite by the standard library, PostgreSQL by its driver. Used by one
thread at a time; who waits for whom is the scorer's business.
"""

import json
import logging
import os
import re
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from flights.batch import Batch, spread
from flights.dataset import OUTCOME
from flights.predictions import TABLES, Outcome, Prediction, Shadow, timestamp
from flights.privacy import Pseudonym

logger = logging.getLogger("serving")

SQLITE = "sqlite:///"
BUSY_SECONDS = 2.0  # how long another writer may hold SQLite before the log counts as unavailable
CHUNK_ROWS = 1_000  # deleted at once: whoever wants to write waits for so many
ROWS_PER_INSERT = 64  # SQLite prepares a statement once for every number of rows, and keeps 128 of them
# What PostgreSQL is told, whatever its own settings are: a commit is on the disk, and nothing is waited for for ever.
POSTGRES: dict[str, Any] = {
    "connect_timeout": 2,  # seconds
    "tcp_user_timeout": 5_000,  # milliseconds until what was sent must have arrived
    "keepalives_idle": 5,  # seconds until a silent host is asked whether it is there
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "options": "-c synchronous_commit=on -c statement_timeout=5000",  # milliseconds
}
ROW_OF_BATCH = re.compile(r"([0-9a-f]{32})-\d+")  # the name of a row that may still be in its batch
ATTEMPTS = 3  # another worker may write the same request id meanwhile, a database may have been restarted


class LogUnavailable(RuntimeError):
    """The log cannot be written, so nothing may be answered."""


class Conflict(Exception):
    """A request id that was used before, for other inputs."""


Logged = list[Prediction] | Batch | Conflict


class PredictionLog:
    """One connection, opened when needed and dropped on any error, so that recovery needs no one's help."""

    def __init__(self, url: str, named: Pseudonym | None = None):
        self._url = url
        self._named = named  # what pseudonyms are made with; the log knows the key by what it makes of nobody
        self._file = Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None
        self._connection: Any = None
        self._identity: tuple[int, int] | None = None  # of SQLite's file when it was opened
        self._errors: Any = sqlite3  # the driver's module: its IntegrityError, its Error
        self._mark = "?"  # the driver's sign for a parameter
        self.available = False  # whether the last attempt to write succeeded; none was made yet

    def write(self, requests: Sequence[list[Prediction] | Batch]) -> list[Logged]:
        """Log all predictions of several requests in one transaction and return what each is answered with.

        A request id that is there already is answered as it was then, or with a `Conflict` where the inputs differ; of
        a request with a conflict nothing is logged.

        Raises
        ------
        LogUnavailable
            Nothing was logged, as far as the database says.
        """
        with self._unavailable():
            for _ in range(ATTEMPTS - 1):
                try:
                    return self._write(requests)
                except self._errors.Error:
                    self._drop()
            return self._write(requests)

    def write_outcomes(self, outcomes: Sequence[Outcome]) -> tuple[int, int]:
        """Append what is new; return how many were reported before word for word, and how many lack a prediction.

        Of two that say the same in one request the first is new. When they were received is no part of what they say.

        Raises
        ------
        LogUnavailable
            Nothing was logged.
        """
        with self._unavailable():
            fresh: dict[tuple[Any, ...], Outcome] = {}
            repeated = unknown = 0
            for outcome in outcomes:
                query = f"SELECT known_at, {OUTCOME} FROM outcomes WHERE request_id = ?"  # noqa: S608 - our own names
                known = self._rows(query, outcome[:1])
                if outcome[:3] in fresh or outcome[1:3] in {tuple(row) for row in known}:
                    repeated += 1
                    continue
                fresh[outcome[:3]] = outcome
                query = (
                    "SELECT 1 FROM predictions WHERE request_id = ? UNION ALL SELECT 1 FROM batches WHERE batch_id = ?"
                )
                unknown += not self._rows(query, (outcome.request_id, outcome.request_id.partition("-")[0]))
            self._insert("outcomes", list(fresh.values()))
            self._connection.commit()
            return repeated, unknown

    def write_shadows(self, shadows: Sequence[Shadow]) -> None:
        """Keep what a shadow said of logged predictions; what it said before stays.

        Raises
        ------
        LogUnavailable
            Nothing was kept.
        """
        with self._unavailable():
            self._insert("shadows", shadows, "ON CONFLICT DO NOTHING")
            self._connection.commit()

    def check(self) -> bool:
        """Whether the log can be written: try it where the last attempt failed, or none was made."""
        if not self.available:
            try:
                with self._unavailable():
                    self._open().execute("DELETE FROM log_checks")
                    self._insert("log_checks", [(timestamp(datetime.now(UTC)),)])
                    self._connection.commit()
            except LogUnavailable as error:
                logger.error("prediction log unavailable", extra={"error": str(error)})
        return self.available

    def find(self, request_id: str) -> Prediction | None:
        """Return the prediction of that name, if there is one."""
        rows = self._rows("SELECT * FROM predictions WHERE request_id = ?", (request_id,))
        return Prediction(*rows[0]) if rows else None

    def about(self, column: str, value: str) -> list[str]:
        """Request ids of the predictions whose inputs have a value in a text column."""
        self._open()
        spread(self._connection, self._mark)
        member = f'"{column}":{json.dumps(value)}'
        rows = self._rows("SELECT request_id, inputs FROM predictions WHERE inputs LIKE ?", (f"%{member}%",))
        return [name for name, inputs in rows if json.loads(inputs)[column] == value]

    def forget(self, column: str, value: str) -> int:
        """Delete the predictions whose inputs have a value in a text column, and their outcomes; return how many.

        Raises
        ------
        LogUnavailable
            Not all was deleted, or its bytes are still in the files.
        """
        with self._unavailable():
            names = self.about(column, value)
            cursor = self._open()
            if self._file is not None:
                cursor.execute("PRAGMA secure_delete = ON")  # SQLite would keep the deleted bytes
            for first in range(0, len(names), CHUNK_ROWS):
                some = names[first : first + CHUNK_ROWS]
                marks = ", ".join([self._mark] * len(some))
                for table in ("outcomes", "shadows", "predictions"):
                    cursor.execute(f"DELETE FROM {table} WHERE request_id IN ({marks})", some)  # noqa: S608 - our own names
                self._connection.commit()
            self._clean_up(value)
            return len(names)

    def _clean_up(self, value: str) -> None:
        """Take deleted bytes out of the files, too; PostgreSQL uses their place again."""
        if self._file is None:
            self._connection.autocommit = True
            self._connection.execute("SET statement_timeout = 0")
            self._connection.execute("VACUUM batches, outcomes, shadows, predictions")
            self._drop()
            return
        for statement in ("SELECT 1", "VACUUM"):  # which rewrites all, and lets nobody write meanwhile: only if it must
            self._connection.execute(statement).fetchall()
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise RuntimeError("the rows are deleted, their bytes not yet, as somebody reads the log: run it again")
            if not self._traces(value):
                return
        raise RuntimeError(f"the rows are deleted, but their bytes are still in {self._file}")

    def _traces(self, value: str) -> bool:
        """Whether the bytes of a value, as the inputs have it, are in SQLite's files."""
        assert self._file is not None  # noqa: S101
        for file in (self._file, Path(f"{self._file}-wal")):
            if file.exists() and file.stat().st_size:
                with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as content:
                    if content.find(json.dumps(value).encode()) >= 0:
                        return True
        return False

    def delete_before(self, cutoff: str) -> int:
        """Delete some of what was answered, received or scored before a time; return how many rows, 0 if none is left.

        Raises
        ------
        LogUnavailable
            Nothing was deleted.
        """
        with self._unavailable():
            cursor = self._open()
            deleted = 0
            for table, moment in (
                ("outcomes", "received_at"),
                ("shadows", "scored_at"),
                ("batches", "answered_at"),
                ("predictions", "answered_at"),
            ):
                row = "rowid" if self._file is not None else "ctid"
                old = f"SELECT {row} FROM {table} WHERE {moment} < {self._mark} LIMIT {CHUNK_ROWS}"  # noqa: S608 - our own names
                these = f"IN ({old})" if self._file is not None else f"= ANY(ARRAY({old}))"
                cursor.execute(f"DELETE FROM {table} WHERE {row} {these}", (cutoff,))  # noqa: S608
                deleted += cursor.rowcount
            self._connection.commit()
            return deleted

    def interrupt(self) -> None:
        """Let work that hangs end with an error, from another thread: a database may take a request and not answer."""
        connection = self._connection
        with suppress(Exception):  # it may have been closed meanwhile, and so has what hung
            if self._file is not None:
                connection.interrupt()
            else:
                with socket.socket(fileno=os.dup(connection.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the log opens another one when it is used again."""
        self._drop()

    def _write(self, requests: Sequence[list[Prediction] | Batch]) -> list[Logged]:
        batches = [request for request in requests if isinstance(request, Batch)]
        rows = list(chain.from_iterable(request for request in requests if isinstance(request, list)))
        self._open()
        spread(self._connection, self._mark, {found[1] for row in rows if (found := ROW_OF_BATCH.fullmatch(row[0]))})
        self._insert("batches", batches, "ON CONFLICT DO NOTHING")  # the last attempt may have got through
        try:
            self._insert("predictions", rows)
            self._connection.commit()
        except self._errors.IntegrityError:
            self._connection.rollback()
        else:
            return list(requests)
        self._insert("batches", batches, "ON CONFLICT DO NOTHING")
        logged = [request if isinstance(request, Batch) else self._logged(request) for request in requests]
        self._connection.commit()
        return logged

    def _logged(self, request: Sequence[Prediction]) -> Logged:
        """What one request is answered with, where a request id may be there already; the new ones are inserted."""
        found: dict[str, Prediction] = {}
        fresh: dict[str, Prediction] = {}
        for prediction in request:
            name = prediction.request_id
            before = fresh.get(name) or self.find(name)
            if before is None:
                before = fresh[name] = prediction
            elif json.loads(before.inputs) != json.loads(prediction.inputs):
                return Conflict(name)
            found[name] = before
        self._insert("predictions", list(fresh.values()))
        return [found[prediction.request_id] for prediction in request]

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]], otherwise: str = "") -> None:
        """Insert with few statements of many rows: a statement for each row would wait for the event loop each time."""
        cursor = self._open()
        for first in range(0, len(rows), ROWS_PER_INSERT):
            some = rows[first : first + ROWS_PER_INSERT]
            row = f"({', '.join([self._mark] * len(some[0]))})"
            statement = f"INSERT INTO {table} VALUES {', '.join([row] * len(some))} {otherwise}"  # noqa: S608 - our own names
            cursor.execute(statement, tuple(chain.from_iterable(some)))

    def _rows(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        cursor = self._open()
        cursor.execute(query.replace("?", self._mark), parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _open(self) -> Any:
        """A cursor, on a new connection where there is none or where the file was deleted or exchanged under it."""
        if self._file is not None and self._connection is not None and _identity(self._file) != self._identity:
            self._drop()
        if self._connection is None:
            fingerprint = self._named("") if self._named else ""
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.touch()
                self._identity = _identity(self._file)  # looked at before: if it is exchanged meanwhile it is another
                self._connection = _sqlite(self._file)
            else:
                self._connection, self._errors, self._mark = _postgres(self._url)
            cursor = self._connection.cursor()
            for statement in TABLES:
                cursor.execute(statement)
            if fingerprint and self._key_in_use(cursor, fingerprint) != fingerprint:
                self._drop()
                raise ValueError(
                    "the log's pseudonyms are made with another key: set PSEUDONYM_KEY as its other servers have it"
                )
            self._connection.commit()
        return self._connection.cursor()

    def _key_in_use(self, cursor: Any, ours: str) -> str:
        """The fingerprint of the log's key, which is ours if nobody came before."""
        query = "SELECT fingerprint FROM log_key"
        cursor.execute(query)
        found = cursor.fetchone()
        if found is None:
            cursor.execute(f"INSERT INTO log_key VALUES (1, {self._mark}) ON CONFLICT DO NOTHING", (ours,))  # noqa: S608
            cursor.execute(query)
            found = cursor.fetchone()
        name: str = found[0]
        return name

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._errors.Error):
                connection.close()

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
            self.available = True
        except Exception as error:
            self._drop()
            self.available = False
            raise LogUnavailable(f"{type(error).__name__}: {error}") from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is, whatever its name; an open one's numbers are given to no other."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _sqlite(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level="IMMEDIATE", check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, not on its way
    return connection


def _postgres(url: str) -> tuple[Any, Any, str]:
    import psycopg  # noqa: PLC0415 - SQLite does not need it

    connection = psycopg.connect("postgresql://" + url.split("://", 1)[1], **POSTGRES)
    return connection, psycopg, "%s"
