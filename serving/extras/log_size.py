"""The length of SQLite's write-ahead log: a metric, and a cut after somebody's long read has let it grow.

SQLite reuses the file from its beginning only when no reader needs it, and never makes it shorter by itself.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from prometheus_client import Gauge

from serving.log_connection import BUSY, LogConnection, LogUnavailable, Sqlite
from serving.service import Service

WAL_BYTES = 32_000_000  # eight times what SQLite lets it grow to without readers
SECONDS = 10.0  # between two looks


def plug_in(service: Service) -> None:
    """Measure and cut, if the log is in SQLite."""
    if isinstance(service.log.dialect, Sqlite):
        wal = Path(f"{service.log.dialect.file}-wal")
        length = Gauge("prediction_log_wal_bytes", "Length of SQLite's write-ahead log", registry=service.registry)
        length.set_function(lambda: wal_bytes(wal))
        service.background.append(lambda: keep_short(service, wal))


def wal_bytes(wal: Path) -> int:
    """Its length; 0 if there is none."""
    try:
        return wal.stat().st_size
    except OSError:
        return 0


async def keep_short(service: Service, wal: Path) -> None:
    """Cut it when it is too long, in the log's own thread."""
    while True:
        await asyncio.sleep(SECONDS)
        if wal_bytes(wal) > WAL_BYTES:
            with suppress(LogUnavailable):
                await service.scorer.log_thread.run(shorten, service.log)


def shorten(log: LogConnection) -> bool:
    """Move what it holds to the database and empty it; False if a reader still needs it.

    Raises
    ------
    LogUnavailable
        The log cannot be opened.
    """
    with log.transaction() as cursor:
        connection = cursor.connection
    connection.execute("PRAGMA busy_timeout = 0")  # nobody's prediction waits for a reader
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY:.0f}")
    if busy:
        log.dialect.committed()  # part of it was moved, by us
    else:
        log.close()  # a shorter file would be taken for one that somebody cut off
    return not busy
