"""Erase one subject from the prediction log, and check that nothing of it is left.

The log never had the subject in the clear (see `flights.extras.privacy`); `forget` cleans the training data.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from extras.privacy import given_subject
from extras.privacy.scan import as_word
from flights.batch import Batch
from flights.config import Settings
from flights.dataset import KEY
from flights.extras.privacy import SUBJECTS, pseudonym_key, pseudonymizer
from flights.plugins import load_plugins
from serving.extras.pseudonyms import guard
from serving.log_connection import LogUnavailable, Sqlite
from serving.prediction_log import PredictionLog
from serving.service import EXTRAS

CHUNK_ROWS = 1_000  # deleted in one transaction: a server that wants to write waits for at most this many
PAUSE_SECONDS = 0.005  # between two batches that become rows: a waiting server gets the lock


def main() -> None:
    """Erase one subject."""
    settings = Settings.read()
    subject = given_subject()
    try:
        pseudonymize = pseudonymizer(pseudonym_key(settings.data_dir))
        name, log = pseudonymize(subject), PredictionLog(settings.log_url)
        guard(log, pseudonymize)
        gone = sum(delete_subject(log, column, name) for column in SUBJECTS)
        left = sum(len(ids_of_subject(log, column, name)) for column in SUBJECTS)
        naming = ids_that_name(log, subject)
    except (FileNotFoundError, ValueError, LogUnavailable) as error:
        sys.exit(f"not forgotten: {error}")
    log.close()
    sys.stdout.write(f"forgot {gone} predictions and their outcomes; {left} left in the prediction log\n")
    if naming:
        sys.stdout.write(
            f"          {len(naming)} other request IDs hold {subject} in the clear, such as {naming[0]}: if they name "
            "the subject, delete them, and send request IDs without it\n"
        )
    sys.exit(left > 0)


def ids_that_name(log: PredictionLog, subject: str) -> list[str]:
    """Request IDs of predictions and outcomes that hold a word in the clear: pseudonyms are of columns only."""
    alone, query = as_word(subject), "SELECT DISTINCT request_id FROM {} WHERE request_id LIKE ?"
    rows = [row for table in ("predictions", "outcomes") for row in log.rows(query.format(table), (f"%{subject}%",))]
    return sorted({name for (name,) in rows if alone.search(name.encode())})


def delete_subject(log: PredictionLog, column: str, value: str) -> int:
    """Delete the predictions with a value in a text column, and all about them; return their number.

    Raises
    ------
    LogUnavailable
        Not all was deleted, or its bytes are still in the files.
    """
    ids = ids_of_subject(log, column, value)
    shadows = [table for plugin in load_plugins(EXTRAS) for table, _ in getattr(plugin, "LOG_TABLES", ())]
    tables = ["outcomes", *(table for table in shadows if has_table(log, table)), "predictions"]
    with log.transaction() as cursor:
        if isinstance(log.dialect, Sqlite):
            cursor.execute("PRAGMA secure_delete = ON")  # SQLite would keep the deleted bytes
    for first in range(0, len(ids), CHUNK_ROWS):
        delete_rows(log, tables, ids[first : first + CHUNK_ROWS])
    if isinstance(log.dialect, Sqlite):
        clean(log, log.dialect.file, value if column == KEY else json.dumps(value))
    else:
        with log.transaction() as cursor:  # PostgreSQL uses the place of deleted rows again
            cursor.connection.rollback()
            cursor.connection.autocommit = True
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(f"VACUUM {', '.join(['batches', *tables])}")
            cursor.connection.autocommit = False
    log.close()
    return len(ids)


def clean(log: PredictionLog, file: Path, written: str) -> None:
    """Remove a value's bytes from SQLite's files; the next use opens them again, since they are shorter then."""
    try:
        clean_sqlite(log.cursor().connection, file, written)
    except (sqlite3.Error, RuntimeError) as error:
        raise LogUnavailable(f"{type(error).__name__}: {error}") from error
    finally:
        log.close()


def delete_rows(log: PredictionLog, tables: Sequence[str], ids: Sequence[str]) -> None:
    """Delete some requests from some tables."""
    marks = ", ".join([log.dialect.mark] * len(ids))
    with log.transaction() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table} WHERE request_id IN ({marks})", ids)  # noqa: S608 - our own names


def has_table(log: PredictionLog, table: str) -> bool:
    """Whether a server with that plug-in ever opened the log."""
    with suppress(log.dialect.errors.Error):
        log.rows(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608
        return True
    log.close()
    return False


def ids_of_subject(log: PredictionLog, column: str, value: str) -> list[str]:
    """Request IDs of the predictions with a value in a text column, or as their key; batches become rows first."""
    if column == KEY:
        query = "SELECT request_id FROM {} WHERE request_id = ?"
        return sorted(
            {row[0] for table in ("predictions", "outcomes") for row in log.rows(query.format(table), (value,))}
        )
    expand_batches(log)
    member = f'"{column}":{json.dumps(value)}'
    rows = log.rows("SELECT request_id, inputs FROM predictions WHERE inputs LIKE ?", (f"%{member}%",))
    return [name for name, inputs in rows if json.loads(inputs)[column] == value]


def expand_batches(log: PredictionLog) -> None:
    """Turn batches into rows, each in its own transaction: no row is ever there twice, or missing."""
    for (name,) in log.rows("SELECT batch_id FROM batches"):
        with log.transaction():
            found = log.rows("DELETE FROM batches WHERE batch_id = ? RETURNING *", (name,))
            for batch in found:
                log.insert("predictions", Batch(*batch).rows(), "ON CONFLICT DO NOTHING")
        time.sleep(PAUSE_SECONDS)


def clean_sqlite(connection: Any, file: Path, written: str) -> None:
    """Remove the deleted bytes from SQLite's files.

    Raises
    ------
    RuntimeError
        They are still there.
    """
    connection.commit()
    for statement in ("SELECT 1", "VACUUM"):  # VACUUM rewrites all and blocks writers: only if it must
        connection.execute(statement).fetchall()
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise RuntimeError("the rows are deleted, their bytes not yet, as somebody reads the log: run it again")
        if not has_traces(file, written):
            return
    raise RuntimeError(f"the rows are deleted, but their bytes are still in {file}")


def has_traces(log: Path, written: str) -> bool:
    """Whether the bytes of a value, as the log has it, are in SQLite's files."""
    for file in (log, Path(f"{log}-wal")):
        if file.exists() and file.stat().st_size:
            with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as content:
                if content.find(written.encode()) >= 0:
                    return True
    return False


if __name__ == "__main__":
    main()
