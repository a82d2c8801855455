"""SQLite syncs every commit, and a file that is not the opened one is noticed."""

from pathlib import Path

import pytest

from serving.log_connection import Sqlite
from serving.prediction_log import PredictionLog
from tests.serving.test_prediction_log import prediction


def test_sqlite_syncs_every_commit(tmp_path: Path):
    """Write-ahead log and full synchronisation are what the promise rests on."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("a")]])
    assert log._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert log._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    log.close()


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_deleted_file_is_noticed(tmp_path: Path, ending: str):
    """Injected: one of the three files is deleted. What is open is no longer current."""
    files = Sqlite(f"sqlite:///{tmp_path}/log.db")
    connection = files.connect()
    assert files.is_current()
    Path(f"{files.file}{ending}").unlink()
    assert not files.is_current()
    connection.close()
