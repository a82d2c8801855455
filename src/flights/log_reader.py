"""Readers of the prediction log: they expand batches in memory, and never write.

A log that no server has opened yet reads as empty.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic_core import from_json

from flights.batch import ROW_OF_BATCH, Batch
from flights.dataset import OUTCOME
from flights.log_url import read_url
from flights.predictions import TABLES, Prediction

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 20_000


def engine(url: str) -> sa.Engine:
    """Return an engine for the log at a URL; nothing is opened or created yet."""
    found = read_url(url)
    if isinstance(found, Path):
        return sa.create_engine(sa.URL.create("sqlite", database=str(found)), creator=lambda: _opened(found))
    import psycopg

    return sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(found))


def _opened(file: Path) -> sqlite3.Connection:
    """A connection; a closed log, next to which a reader may not make the files that SQLite needs, is immutable."""
    frozen = not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
    uri = f"{file.absolute().as_uri()}{'?immutable=1' if frozen and file.is_file() else ''}"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


def logged_predictions(
    log: sa.Engine, *, inputs: bool = False, since: str = "", until: str = "~", every: int = 1
) -> "pd.DataFrame":
    """Predictions with an event time in [since, until), oldest first; their inputs only on request, as JSON text.

    Of one request in `every`, chosen by its ID: predictions and outcomes of the same requests.
    """
    import pandas as pd

    names = [name for name in Prediction._fields if inputs or name != "inputs"]
    query = f"SELECT {', '.join(names)} FROM predictions WHERE event_time >= :since AND event_time < :until"  # noqa: S608
    frames = [_rows(log, query, every, since=since, until=until)]
    for batch in _batches(log):
        if any(since <= moment < until for moment in batch.event_times()):
            frame = pd.DataFrame(batch.rows(), columns=list(Prediction._fields))
            inside = frame["event_time"].between(since, until, inclusive="left")
            frames.append(frame.loc[inside & _chosen(frame["request_id"], every), names])
    rows = pd.concat([frame for frame in frames if len(frame)] or frames[:1])
    rows = _moments(rows.drop_duplicates("request_id"), "answered_at", "event_time")
    return rows.sort_values(["event_time", "request_id"], ignore_index=True).astype({"alert": bool})


def logged_prediction(log: sa.Engine, request_id: str) -> Prediction | None:
    """The logged prediction of a request ID, if there is one."""
    of_batch = ROW_OF_BATCH.fullmatch(request_id)
    with _connected(log) as connection:
        query = sa.text("SELECT * FROM predictions WHERE request_id = :name")
        row = connection.execute(query, {"name": request_id}).first()
        if row is not None or of_batch is None:
            return None if row is None else Prediction(*row)
        query = sa.text("SELECT * FROM batches WHERE batch_id = :name")
        found = connection.execute(query, {"name": of_batch[1]}).first()
    rows = Batch(*found).rows() if found else []
    return Prediction(*rows[int(of_batch[2])]) if int(of_batch[2]) < len(rows) else None


def counted_outcomes(
    log: sa.Engine, every: int = 1, *, since: str = "", now: "pd.Timestamp | None" = None
) -> "pd.DataFrame":
    """One row for each request with an outcome: the version known latest, of equals the one received last.

    Its `known_at` is that of the first version: a correction changes the value, not when there was one. A version that
    claims to have become known after it was received is ignored, as are those known before `since` or after `now`.
    """
    import pandas as pd

    query = f"SELECT request_id, known_at, {OUTCOME}, received_at FROM outcomes WHERE known_at >= :since"  # noqa: S608
    rows = _moments(_rows(log, query, every, since=since).sort_values("received_at"), "known_at", "received_at")
    rows = rows[~(rows["known_at"] > rows["received_at"] + pd.Timedelta(days=1))]
    rows = rows.dropna(subset="known_at").sort_values("known_at", kind="stable")
    rows = rows if now is None else rows[rows["known_at"] <= now]
    first = rows["known_at"].where(rows[OUTCOME].notna()).groupby(rows["request_id"]).transform("min")
    rows = rows.assign(known_at=first).drop_duplicates("request_id", keep="last")
    return rows.dropna(subset=OUTCOME).astype({OUTCOME: float})


def newest_event(log: sa.Engine, ahead: timedelta, until: str = "~") -> datetime | None:
    """The newest event before `until` that was predicted at most `ahead` before it."""
    found = [_first_planned(log, ahead, until)]
    for batch in _batches(log):
        moments = [(moment, batch.answered_at) for moment in batch.event_times() if moment < until]
        found += [event for event in (_planned(*moment, ahead) for moment in moments) if event]
    return max((event for event in found if event), default=None)


def count(log: sa.Engine, since: str = "", until: str = "~") -> int:
    """Number of logged predictions with an event time in [since, until)."""
    query = "SELECT COUNT(*) FROM predictions WHERE event_time >= :since AND event_time < :until"
    with _connected(log) as connection:
        rows = int(connection.execute(sa.text(query), {"since": since, "until": until}).scalar_one())
    return rows + sum(since <= moment < until for batch in _batches(log) for moment in batch.event_times())


def parsed(text: str) -> dict[str, Any]:
    """The logged inputs of one row; unreadable ones become an empty object."""
    try:
        content = from_json(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _first_planned(log: sa.Engine, ahead: timedelta, until: str) -> datetime | None:
    query = "SELECT event_time, answered_at FROM predictions WHERE event_time < :until ORDER BY event_time DESC"
    with _connected(log) as connection:
        for row in connection.execution_options(stream_results=True).execute(sa.text(query), {"until": until}):
            if event := _planned(row[0], row[1], ahead):
                return event
    return None


def _planned(event_time: str, answered_at: str, ahead: timedelta) -> datetime | None:
    with suppress(ValueError, TypeError):  # not a time
        event, answered = datetime.fromisoformat(event_time), datetime.fromisoformat(answered_at)
        return event if event - answered <= ahead else None
    return None


@contextmanager
def _connected(log: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to the log, or to an empty one in memory if no server has created its tables yet."""
    file = log.url.database if log.dialect.name == "sqlite" else None
    if (file is None or Path(file).is_file()) and sa.inspect(log).has_table("batches"):
        with log.connect() as connection:
            yield connection
        return
    empty = sa.create_engine("sqlite://")
    with empty.connect() as connection:
        for statement in TABLES:
            connection.execute(sa.text(statement))
        yield connection
    empty.dispose()


def _batches(log: sa.Engine) -> Iterator[Batch]:
    with _connected(log) as connection:
        for row in connection.execution_options(stream_results=True).execute(sa.text("SELECT * FROM batches")):
            yield Batch(*row)


def _rows(log: sa.Engine, query: str, every: int, **parameters: str) -> "pd.DataFrame":
    """All rows of a query, or of one request in `every`; read in chunks, so memory holds only the sample."""
    import pandas as pd

    with _connected(log) as connection:
        connection.execution_options(stream_results=True)
        chunks = pd.read_sql(sa.text(query), connection, params=parameters, chunksize=CHUNK_ROWS)
        return pd.concat([chunk[_chosen(chunk["request_id"], every)] for chunk in chunks], ignore_index=True)


def _chosen(request_ids: "pd.Series[str]", every: int) -> "pd.Series[bool]":
    import pandas as pd

    return pd.util.hash_pandas_object(request_ids, index=False) % every == 0


def _moments(rows: "pd.DataFrame", *names: str) -> "pd.DataFrame":
    """Convert text to UTC times of one resolution; text that is not a time becomes missing."""
    import pandas as pd

    for name in names:
        rows[name] = pd.to_datetime(rows[name], format="ISO8601", utc=True, errors="coerce").astype(
            "datetime64[us, UTC]"
        )
    return rows
