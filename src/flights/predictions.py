"""The shape of one logged prediction and of one outcome: what the server writes and the monitor reads.

Times are text, ISO 8601 in UTC with a `Z`, so that a person and every database can read them, and they sort. Outcomes
are only ever added; of several versions the one known latest counts.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    import pandas as pd

TABLES = sa.MetaData()

PREDICTIONS = sa.Table(
    "predictions",
    TABLES,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("answered_at", sa.Text, nullable=False),
    sa.Column("event_time", sa.Text, nullable=False, index=True),
    sa.Column("inputs", sa.Text, nullable=False),  # JSON, one flat object
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("alert", sa.Boolean, nullable=False),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("model_digest", sa.Text, nullable=False),
    sa.Column("latency_us", sa.Integer, nullable=False),
)

OUTCOMES = sa.Table(
    "outcomes",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),  # the order of arrival
    sa.Column("request_id", sa.Text, nullable=False, index=True),
    sa.Column("known_at", sa.Text, nullable=False),
    sa.Column("arrival_delay", sa.Float, nullable=False),  # minutes
    sa.Column("received_at", sa.Text, nullable=False),
)


def engine(url: str) -> sa.Engine:
    """Open the prediction log, with the folder of a SQLite file made first."""
    database = sa.make_url(url).database
    if url.startswith("sqlite") and database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    return sa.create_engine(url)


def timestamp(moment: datetime) -> str:
    """A moment as the log writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def logged_predictions(log: sa.Engine, *, inputs: bool = False, since: str = "", until: str = "~") -> "pd.DataFrame":
    """Predictions by event time in [since, until), oldest first; the inputs, bulky, only on request and as JSON text."""
    columns = [column for column in PREDICTIONS.c if inputs or column.name != "inputs"]
    event_time = PREDICTIONS.c.event_time
    query = sa.select(*columns).where(event_time >= since, event_time < until)
    return _moments(_rows(log, query.order_by(event_time, PREDICTIONS.c.request_id)), "answered_at", "event_time")


def counted_outcomes(log: sa.Engine) -> "pd.DataFrame":
    """One row for each request with an outcome: the version known latest, of equals the one that arrived last."""
    rows = _moments(_rows(log, sa.select(OUTCOMES).order_by(OUTCOMES.c.id)), "known_at", "received_at")
    return (
        rows.dropna(subset="known_at").sort_values("known_at", kind="stable").drop_duplicates("request_id", keep="last")
    )


def parsed_inputs(texts: "pd.Series[str]") -> list[dict[str, Any]]:
    """The logged inputs as one object for each row; an unreadable row becomes an empty one."""
    return [_parsed(text) for text in texts]


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _rows(log: sa.Engine, query: "sa.Select[Any]") -> "pd.DataFrame":
    import pandas as pd

    with log.connect() as connection:
        return pd.read_sql(query, connection)


def _moments(rows: "pd.DataFrame", *names: str) -> "pd.DataFrame":
    """Read text as UTC moments of one resolution; what is no moment becomes missing."""
    import pandas as pd

    for name in names:
        rows[name] = pd.to_datetime(rows[name], format="ISO8601", utc=True, errors="coerce").astype(
            "datetime64[us, UTC]"
        )
    return rows
