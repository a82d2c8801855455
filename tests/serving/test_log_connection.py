"""The log syncs every commit, and recovers by itself."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from tests.serving.test_prediction_log import prediction


def test_sqlite_syncs_every_commit(tmp_path: Path):
    """Write-ahead log and full synchronisation are what the promise rests on."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("a")]])
    assert log._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert log._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    log.close()


def test_a_log_that_cannot_be_written_says_so_and_recovers(tmp_path: Path):
    """Where the folder is a file nothing is acknowledged; when it is a folder again everything works."""
    folder = tmp_path / "4_predictions"
    folder.write_text("in the way")
    log = PredictionLog(f"sqlite:///{folder}/predictions.db")
    with pytest.raises(LogUnavailable):
        log.write([[prediction("a")]])
    assert not log.available
    assert not log.check()
    folder.unlink()
    assert log.check()
    assert log.available
    assert log.write([[prediction("a")]]) == [[prediction("a")]]
    log.close()


def test_a_log_locked_by_someone_else_is_unavailable_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another process that holds the database too long costs refusals, not rows."""
    monkeypatch.setattr("serving.log_connection.BUSY_SECONDS", 0.05)
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("before")]])
    other = sqlite3.connect(tmp_path / "predictions.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable):
        log.write([[prediction("during")]])
    other.execute("ROLLBACK")
    other.close()
    assert log.check()
    log.write([[prediction("after")]])
    assert log.find("during") is None
    assert log.find("before")
    log.close()


def test_a_deleted_log_is_not_written_to(tmp_path: Path):
    """A commit into a file that nobody can open again would be lost: the log starts a new file."""
    log = PredictionLog(f"sqlite:///{tmp_path}/folder/predictions.db")
    log.write([[prediction("lost with its file")]])
    shutil.rmtree(tmp_path / "folder")
    log.write([[prediction("kept")]])
    log.close()
    with sqlite3.connect(tmp_path / "folder" / "predictions.db") as file:
        assert file.execute("SELECT request_id FROM predictions").fetchall() == [("kept",)]
    file.close()


def test_an_exchanged_log_is_not_written_to(tmp_path: Path):
    """Planted: another worker found the file deleted and made it anew. Its name is there, and it is another file."""
    file = tmp_path / "predictions.db"
    log, other = PredictionLog(f"sqlite:///{file}"), PredictionLog(f"sqlite:///{file}")
    log.write([[prediction("lost with its file")]])
    for each in tmp_path.iterdir():
        each.unlink()
    other.write([[prediction("by the other")]])
    log.write([[prediction("kept")]])
    with sqlite3.connect(file) as read:
        names = {name for (name,) in read.execute("SELECT request_id FROM predictions")}
    read.close()
    assert names == {"by the other", "kept"}
    log.close()
    other.close()
