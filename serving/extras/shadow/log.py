"""The table of shadows: what a version that answers nobody would have said of logged predictions."""

from collections.abc import Sequence
from typing import NamedTuple

from serving.log_connection import LogConnection

NAME = "shadows"
TABLES = (
    f"""CREATE TABLE IF NOT EXISTS {NAME} (
        request_id VARCHAR(100) NOT NULL,
        scored_at VARCHAR(32) NOT NULL,
        probability DOUBLE PRECISION NOT NULL,
        alert BOOLEAN NOT NULL,
        model_version INTEGER NOT NULL,
        model_digest VARCHAR(64) NOT NULL,
        PRIMARY KEY (request_id, model_version)
    )""",
    f"CREATE INDEX IF NOT EXISTS {NAME}_scored_at ON {NAME} (scored_at)",
)


class ShadowRow(NamedTuple):
    """One row, in the order of the table's columns."""

    request_id: str
    scored_at: str
    probability: float
    alert: bool
    model_version: int
    model_digest: str


def write_shadows(log: LogConnection, shadows: Sequence[ShadowRow]) -> None:
    """Keep the shadow's predictions; earlier ones of the same request and version stay.

    Raises
    ------
    LogUnavailable
        Nothing was kept.
    """
    with log.transaction():
        log.insert(NAME, shadows, "ON CONFLICT DO NOTHING")
