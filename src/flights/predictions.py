"""The prediction log's tables: one row for each prediction, and one for each version of an outcome.

Plain SQL for SQLite and PostgreSQL. Times are ISO 8601 text in UTC of one width, so they sort. The server that owns
the log creates its tables; `log_reader` reads them and never writes.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flights import batch
from flights.dataset import OUTCOME

if TYPE_CHECKING:
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
    f"CREATE INDEX IF NOT EXISTS outcomes_version ON outcomes (request_id, known_at, {OUTCOME})",
    "CREATE TABLE IF NOT EXISTS log_checks (checked_at VARCHAR(32) NOT NULL)",  # tests whether the log can be written
)


class Prediction(NamedTuple):
    """One logged prediction, in the order of the table's columns."""

    request_id: str
    answered_at: str
    event_time: str
    inputs: str  # one flat JSON object, as validated; `rows.as_columns` reads it
    probability: float
    alert: bool
    threshold: float
    model_version: int
    model_digest: str
    served_by: str = "champion"  # or canary, or heuristic
    latency_us: int = 0  # from the request's arrival until it was handed to the log


class Outcome(NamedTuple):
    """One version of an outcome, in the order of the table's columns; versions are only added."""

    request_id: str
    known_at: str
    value: float | None  # of the contract's OUTCOME; None if there never was one
    received_at: str  # unique, so it tells which version came last


def timestamp(moment: datetime) -> str:
    """A moment as the log writes it; a moment without a zone is in UTC."""
    utc = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return utc.isoformat(timespec="microseconds") + "Z"


def add(log: "sa.Engine", rows: Iterable[Prediction | Outcome]) -> None:
    """Write predictions and outcomes to a log of your own, as imports and drills do; the server has its own writer."""
    import sqlalchemy as sa

    if log.url.database and log.dialect.name == "sqlite":
        Path(log.url.database).parent.mkdir(parents=True, exist_ok=True)
    with log.begin() as connection:
        for statement in TABLES:
            connection.execute(sa.text(statement))
        for row in rows:
            table = "predictions" if isinstance(row, Prediction) else "outcomes"
            marks = ", ".join(f":{name}" for name in row._fields)
            connection.execute(sa.text(f"INSERT INTO {table} VALUES ({marks})"), row._asdict())  # noqa: S608
