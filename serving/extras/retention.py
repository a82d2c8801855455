"""Retention: delete from the prediction log what is older than RETENTION_DAYS, at the start and every hour."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import Field

from flights.config import EnvironmentSettings
from flights.plugins import load_plugins
from flights.predictions import timestamp
from serving.log_connection import LogConnection, LogUnavailable
from serving.service import EXTRAS, Service

CHUNK_ROWS = 1_000  # deleted in one transaction: a write waits for at most this many
TABLES = (("outcomes", "received_at"), ("batches", "answered_at"), ("predictions", "answered_at"))
INDEXES = tuple(  # what is too old is found without reading the rest; times only grow, so an insert costs little
    f"CREATE INDEX IF NOT EXISTS {table}_{moment} ON {table} ({moment})"
    for table, moment in TABLES
    if table != "batches"
)


class Settings(EnvironmentSettings):
    """How long the log keeps its rows."""

    retention_days: int = Field(0, description="Days that the prediction log keeps; 0 keeps forever.", ge=0)


def plug_in(service: Service) -> None:
    """Delete in the log's own thread if there is a limit."""
    service.log.tables += INDEXES
    days = Settings.read().retention_days
    if days:
        service.background.append(lambda: keep_days(service, days))


async def keep_days(service: Service, days: int) -> None:
    """Delete what is older, now and every hour."""
    while True:
        cutoff = timestamp(datetime.now(UTC) - timedelta(days=days))
        with suppress(LogUnavailable):
            while await service.scorer.log_thread.run(delete_before, service.log, cutoff):
                await asyncio.sleep(0)  # others write between two
        await asyncio.sleep(3600)


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
