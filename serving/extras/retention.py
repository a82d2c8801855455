"""Retention: delete from the prediction log what is older than RETENTION_DAYS, at the start and every hour.

It stops, and logs why, if it would delete everything, or more days than it ever did: then the clock may be wrong.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from flights.config import EnvironmentSettings
from flights.plugins import load_plugins
from flights.predictions import timestamp
from serving.log_connection import LogConnection, LogUnavailable
from serving.service import EXTRAS, Service

logger = logging.getLogger("serving")

CHUNK_ROWS = 1_000  # deleted in one transaction: a write waits for at most this many
TABLES = (("outcomes", "received_at"), ("batches", "answered_at"), ("predictions", "answered_at"))
STOPPED = (
    "retention stopped: it would delete an unusual share of the log, or more days than ever before: check the clock; "
    "if it is right, start the server once with RETENTION_MAX_SHARE=1"
)
USUAL_DAYS = 3.0  # that one run may always delete: the server did not run over a long weekend
RUNS = "CREATE TABLE IF NOT EXISTS retention_runs (cutoff VARCHAR(32) NOT NULL, days DOUBLE PRECISION NOT NULL)"
INDEXES = tuple(  # what is too old is found without reading the rest; times only grow, so an insert costs little
    f"CREATE INDEX IF NOT EXISTS {table}_{moment} ON {table} ({moment})"
    for table, moment in TABLES
    if table != "batches"
)


class Settings(EnvironmentSettings):
    """How long the log keeps its rows."""

    retention_days: int = Field(0, description="Days that the prediction log keeps; 0 keeps forever.", ge=0)
    retention_max_share: float = Field(
        0.5, description="Share of the log's time span that one hourly run may delete; more stops it.", gt=0, le=1
    )


def plug_in(service: Service) -> None:
    """Delete in the log's own thread if there is a limit."""
    service.log.tables += INDEXES
    settings = Settings.read()
    if settings.retention_days:
        service.log.tables.append(RUNS)
        service.background.append(lambda: keep_days(service, settings))


async def keep_days(service: Service, settings: Settings) -> None:
    """Delete what is older, now and every hour."""
    while True:
        with suppress(LogUnavailable):
            await run_once(service.scorer.log_thread.run, service.log, settings)
        await asyncio.sleep(3600)


async def run_once(run: Callable[..., Awaitable[Any]], log: LogConnection, settings: Settings) -> None:
    """Delete what is older, in the log's own thread, or say why not."""
    is_allowed = settings.retention_max_share == 1
    cutoff = datetime.now(UTC) - timedelta(days=settings.retention_days)
    share, days = await run(due, log, cutoff)
    limit = days if is_allowed else await run(most_days, log)
    if share > settings.retention_max_share or days > limit:
        found = {"share": share, "limit": settings.retention_max_share, "days": days, "days_limit": limit}
        logger.error(STOPPED, extra=found | {"before": timestamp(cutoff)})
        return
    while await run(delete_before, log, timestamp(cutoff)):
        await asyncio.sleep(0)  # others write between two
    await run(remember, log, cutoff, 0.0 if is_allowed else days)


def most_days(log: LogConnection) -> float:
    """The days that one run may delete: as many as ever before; the first run may delete any, and sets no example.

    Raises
    ------
    LogUnavailable
        The log cannot be read.
    """
    with log.transaction():
        ((runs, most),) = log.rows("SELECT COUNT(*), MAX(days) FROM retention_runs")
    return max(most, USUAL_DAYS) if runs else 1e6


def remember(log: LogConnection, cutoff: datetime, days: float) -> None:
    """Note a run that deleted more days than every one before, and the first.

    Raises
    ------
    LogUnavailable
        Nothing was noted.
    """
    with log.transaction():
        ((runs, most),) = log.rows("SELECT COUNT(*), MAX(days) FROM retention_runs")
        if not runs or days > most:
            log.insert("retention_runs", [(timestamp(cutoff), days if runs else 0.0)])


def due(log: LogConnection, cutoff: datetime) -> tuple[float, float]:
    """Share of the time between the log's oldest and newest row that is before a time, and the days: 1 means every row.

    A clock that is years ahead makes it large, whether or not it has already written a row.

    Raises
    ------
    LogUnavailable
        The log cannot be read.
    """
    with log.transaction():
        query = "SELECT (SELECT MIN({1}) FROM {0}), (SELECT MAX({1}) FROM {0})"  # each from an end of its index
        ends = [log.rows(query.format(table, moment))[0] for table, moment in TABLES]
    found = [(datetime.fromisoformat(first), datetime.fromisoformat(last)) for first, last in ends if first]
    oldest, newest = (
        min((first for first, _ in found), default=cutoff),
        max((last for _, last in found), default=cutoff),
    )
    if cutoff <= oldest:
        return 0.0, 0.0
    days = (min(cutoff, newest) - oldest) / timedelta(days=1)
    return (1.0 if cutoff > newest else (cutoff - oldest) / (newest - oldest)), days


def delete_before(log: LogConnection, cutoff: str) -> int:
    """Delete some of the rows from before a time; return their number, 0 if none is left.

    Raises
    ------
    LogUnavailable
        Nothing was deleted.
    """
    added = [table for plugin in load_plugins(EXTRAS) for table in getattr(plugin, "LOG_TABLES", ())]
    extras = [table for table in added if any(table[0] in statement for statement in log.tables)]
    deleted = 0
    with log.transaction() as cursor:
        for table, moment in (*TABLES, *extras):
            old = f"FROM {table} WHERE {moment} < {log.dialect.mark} LIMIT {CHUNK_ROWS}"
            cursor.execute(f"DELETE FROM {table} WHERE {log.dialect.some_rows.format(old)}", (cutoff,))  # noqa: S608
            deleted += cursor.rowcount
    return deleted
