"""The shape of one logged prediction and of one outcome: what the server writes and the monitor reads.

Plain SQL that SQLite and PostgreSQL both take: the server writes it without SQLAlchemy, which would cost it 15 MB and
a fifth of its start. Times are text, ISO 8601 in UTC of one width with a `Z`, so that a person and every database can
read them, and they sort. Outcomes are only ever added; of several versions the one known latest counts.
"""

import json
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flights import batch
from flights.dataset import OUTCOME

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa

TABLES = (
    """CREATE TABLE IF NOT EXISTS predictions (
        request_id VARCHAR(100) PRIMARY KEY,
        answered_at VARCHAR(32) NOT NULL,
        event_time VARCHAR(32) NOT NULL,
        inputs TEXT NOT NULL,
        probability DOUBLE PRECISION NOT NULL,
        alert BOOLEAN NOT NULL,
        threshold DOUBLE PRECISION NOT NULL,
        model_version INTEGER NOT NULL,
        model_digest VARCHAR(64) NOT NULL,
        served_by VARCHAR(16) NOT NULL,
        latency_us INTEGER NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS predictions_event_time ON predictions (event_time)",
    batch.TABLE,
    f"""CREATE TABLE IF NOT EXISTS outcomes (
        request_id VARCHAR(100) NOT NULL,
        known_at VARCHAR(32) NOT NULL,
        {OUTCOME} DOUBLE PRECISION,
        received_at VARCHAR(32) NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS outcomes_request_id ON outcomes (request_id)",
    """CREATE TABLE IF NOT EXISTS shadows (
        request_id VARCHAR(100) NOT NULL,
        scored_at VARCHAR(32) NOT NULL,
        probability DOUBLE PRECISION NOT NULL,
        alert BOOLEAN NOT NULL,
        model_version INTEGER NOT NULL,
        model_digest VARCHAR(64) NOT NULL,
        PRIMARY KEY (request_id, model_version)
    )""",
    # What is too old is found without reading all the rest; times only grow, so an insert pays next to nothing.
    "CREATE INDEX IF NOT EXISTS predictions_answered_at ON predictions (answered_at)",
    "CREATE INDEX IF NOT EXISTS outcomes_received_at ON outcomes (received_at)",
    "CREATE INDEX IF NOT EXISTS shadows_scored_at ON shadows (scored_at)",
    "CREATE TABLE IF NOT EXISTS log_checks (checked_at VARCHAR(32) NOT NULL)",  # written to see whether it can be
    # The one key that the log's pseudonyms are made with, by what it makes of the empty subject.
    "CREATE TABLE IF NOT EXISTS log_key (one INTEGER PRIMARY KEY CHECK (one = 1), fingerprint VARCHAR(32) NOT NULL)",
)


CHUNK_ROWS = 20_000


class Prediction(NamedTuple):
    """One logged prediction, in the order of the table's columns."""

    request_id: str
    answered_at: str
    event_time: str
    inputs: str  # one flat JSON object, as validated; `registry.as_columns` takes it back
    probability: float
    alert: bool
    threshold: float
    model_version: int
    model_digest: str
    served_by: str = "champion"  # or canary, or heuristic
    latency_us: int = 0  # from the request's arrival until it was handed to the log


class Shadow(NamedTuple):
    """What a version that nobody was answered by would have said, in the order of the table's columns."""

    request_id: str
    scored_at: str
    probability: float
    alert: bool
    model_version: int
    model_digest: str


class Outcome(NamedTuple):
    """One piece of knowledge about what happened, in the order of the table's columns."""

    request_id: str
    known_at: str
    value: float | None  # of the contract's OUTCOME; None where there never was one
    received_at: str  # differs between any two, so that it tells which came last


def timestamp(moment: datetime) -> str:
    """A moment as the log writes it; one without a zone is in UTC already."""
    utc = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return utc.isoformat(timespec="microseconds") + "Z"


def engine(url: str) -> "sa.Engine":
    """Open the prediction log to read it: missing tables are made, and batches become rows."""
    import sqlalchemy as sa

    database = sa.make_url(url).database
    if url.startswith("sqlite") and database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    log = sa.create_engine(url)
    with log.begin() as connection:
        for statement in TABLES:
            connection.execute(sa.text(statement))
    with closing(log.raw_connection()) as opened:
        batch.spread(opened, "?" if url.startswith("sqlite") else "%s")
    return log


def add(log: "sa.Engine", rows: Iterable[Prediction | Outcome]) -> None:
    """Add predictions and outcomes to the log as they are: for imports and tests, the server has its own way."""
    import sqlalchemy as sa

    with log.begin() as connection:
        for row in rows:
            table = "predictions" if isinstance(row, Prediction) else "outcomes"
            marks = ", ".join(f":{name}" for name in row._fields)
            connection.execute(sa.text(f"INSERT INTO {table} VALUES ({marks})"), row._asdict())  # noqa: S608


def logged_predictions(
    log: "sa.Engine", *, inputs: bool = False, since: str = "", until: str = "~", every: int = 1
) -> "pd.DataFrame":
    """Predictions by event time in [since, until), oldest first; the bulky inputs only on request, as JSON text.

    Parameters
    ----------
    every
        Read one request in so many, chosen by its id: predictions and outcomes of the same requests.
    """
    columns = ", ".join(name for name in Prediction._fields if inputs or name != "inputs")
    query = f"SELECT {columns} FROM predictions WHERE event_time >= :since AND event_time < :until"  # noqa: S608
    rows = _moments(_rows(log, query, every, since=since, until=until), "answered_at", "event_time")
    return rows.sort_values(["event_time", "request_id"], ignore_index=True).astype({"alert": bool})


def logged_prediction(log: "sa.Engine", request_id: str) -> Prediction | None:
    """One prediction as it was logged, if there is one of that name."""
    import sqlalchemy as sa

    query = sa.text("SELECT * FROM predictions WHERE request_id = :name")
    with log.connect() as connection:
        row = connection.execute(query, {"name": request_id}).first()
    return None if row is None else Prediction(*row)


def counted_outcomes(
    log: "sa.Engine", every: int = 1, *, since: str = "", now: "pd.Timestamp | None" = None
) -> "pd.DataFrame":
    """One row for each request with an outcome: the version known latest, of equals the one that arrived last.

    Its `known_at` is that of the first version: a correction changes the value, not when there was one. What claims to
    have become known after it was received is left out: it would hide the truth for ever.

    Parameters
    ----------
    since
        Versions known before are not read.
    now
        What becomes known later does not count yet, however it was corrected then.
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


def newest_event(log: "sa.Engine", ahead: timedelta, until: str = "~") -> datetime | None:
    """The newest event before `until` that was asked about no longer than `ahead` before it."""
    import sqlalchemy as sa

    query = sa.text(
        "SELECT event_time, answered_at FROM predictions WHERE event_time < :until ORDER BY event_time DESC"
    )
    with log.connect().execution_options(stream_results=True) as connection:
        for row in connection.execute(query, {"until": until}):
            with suppress(ValueError, TypeError):  # what is no moment
                event, answered = (datetime.fromisoformat(text) for text in row)
                if event - answered <= ahead:
                    return event
    return None


def count(log: "sa.Engine", since: str = "", until: str = "~") -> int:
    """How many predictions were logged, by event time in [since, until)."""
    import sqlalchemy as sa

    query = sa.text("SELECT COUNT(*) FROM predictions WHERE event_time >= :since AND event_time < :until")
    with log.connect() as connection:
        return int(connection.execute(query, {"since": since, "until": until}).scalar_one())


def parsed_inputs(texts: "pd.Series[str]") -> list[dict[str, Any]]:
    """The logged inputs as one object for each row; an unreadable row becomes an empty one."""
    return [_parsed(text) for text in texts]


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _rows(log: "sa.Engine", query: str, every: int = 1, **parameters: str) -> "pd.DataFrame":
    """All rows of a query, or of one request in `every`; read in chunks, so that no more than the sample is held."""
    import pandas as pd
    import sqlalchemy as sa

    with log.connect().execution_options(stream_results=True) as connection:
        chunks = pd.read_sql(sa.text(query), connection, params=parameters, chunksize=CHUNK_ROWS)
        return pd.concat([chunk[_chosen(chunk["request_id"], every)] for chunk in chunks], ignore_index=True)


def _chosen(request_ids: "pd.Series[str]", every: int) -> "pd.Series[bool]":
    import pandas as pd

    return pd.util.hash_pandas_object(request_ids, index=False) % every == 0


def _moments(rows: "pd.DataFrame", *names: str) -> "pd.DataFrame":
    """Read text as UTC moments of one resolution; what is no moment becomes missing."""
    import pandas as pd

    for name in names:
        rows[name] = pd.to_datetime(rows[name], format="ISO8601", utc=True, errors="coerce").astype(
            "datetime64[us, UTC]"
        )
    return rows
