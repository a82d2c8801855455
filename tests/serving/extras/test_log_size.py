"""A long read lets SQLite's write-ahead log grow; afterwards it is short again, and nothing is lost."""

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from serving.extras import log_size
from serving.extras.log_size import keep_short, shorten, wal_bytes
from serving.prediction_log import LogThread, PredictionLog
from tests.serving.published import publish_champion
from tests.serving.running import running
from tests.serving.test_prediction_log import prediction

ROWS = 300


@pytest.fixture
def grown(tmp_path: Path):
    """A log that grew during a read which goes on, its write-ahead log, and the reader."""
    file = tmp_path / "predictions.db"
    log = PredictionLog(f"sqlite:///{file}")
    log.write([[prediction("first")]])
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM predictions").fetchone()
    for number in range(ROWS):
        log.write([[prediction(f"row-{number}")]])
    yield log, Path(f"{file}-wal"), reader
    reader.close()
    log.close()


def test_it_is_emptied_when_the_reader_is_gone(grown, caplog):
    """While somebody reads it stays, and predictions go on; then it is empty. The log knows every row throughout."""
    log, wal, reader = grown
    before = wal_bytes(wal)
    assert before > 1_000_000
    assert not shorten(log)
    log.write([[prediction("meanwhile")]])
    assert wal_bytes(wal) >= before
    reader.rollback()
    assert shorten(log)
    assert wal_bytes(wal) == 0
    log.write([[prediction("afterwards")]])
    assert all(log.find(name) for name in ("first", "row-0", f"row-{ROWS - 1}", "meanwhile", "afterwards"))
    assert caplog.records == []  # a shorter file is not taken for a damaged one


@pytest.mark.parametrize(("limit", "emptied"), [(100_000, True), (100_000_000, False)])
def test_only_a_long_one_is_emptied(grown, monkeypatch, limit, emptied):
    """The service looks again and again, and does nothing below the limit."""
    log, wal, reader = grown
    reader.rollback()
    monkeypatch.setattr(log_size, "SECONDS", 0.01)
    monkeypatch.setattr(log_size, "WAL_BYTES", limit)
    service = SimpleNamespace(log=log, scorer=SimpleNamespace(log_thread=LogThread(log)))

    async def watched() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(keep_short(service, wal), 1)

    asyncio.run(watched())
    assert (wal_bytes(wal) == 0) is emptied


def test_its_length_is_a_metric(tmp_path: Path):
    """Prometheus sees it before the disk is full."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    with running(tmp_path) as server:
        server.wait()
        text = httpx.get(f"{server.url}/metrics").text
    (line,) = [line for line in text.splitlines() if line.startswith("prediction_log_wal_bytes ")]
    assert float(line.split()[1]) > 0
