"""The log syncs every commit, and recovers by itself."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from tests.serving.test_prediction_log import prediction


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
    monkeypatch.setattr("serving.log_connection.BUSY", 0.05)
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


def test_a_log_that_is_deleted_in_the_middle_of_a_transaction_keeps_nothing_of_it(tmp_path: Path):
    """Injected between two inserts: without the refusal the second alone would be there, and both acknowledged."""
    log = PredictionLog(f"sqlite:///{tmp_path}/folder/predictions.db")
    log.write([[prediction("lost with its file")]])

    def interrupted() -> None:
        with log.transaction():
            log.insert("predictions", [prediction("first")])
            shutil.rmtree(tmp_path / "folder")
            log.insert("predictions", [prediction("second")])

    with pytest.raises(LogUnavailable, match="opened again during a transaction"):
        interrupted()
    assert log.check()
    assert log.rows("SELECT COUNT(*) FROM predictions") == [(0,)]
    log.write([[prediction("first")], [prediction("second")]])
    assert log.rows("SELECT COUNT(*) FROM predictions") == [(2,)]
    log.close()


def test_an_exchanged_log_is_not_written_to(tmp_path: Path):
    """Planted: another worker found the file deleted and made it again. Its name is there, and it is another file."""
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


LOG_FILES = ("predictions.db-wal", "predictions.db-shm")


def replaced(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)


def renamed(file: Path) -> None:
    file.rename(f"{file}.old")


def in_a_copy(file: Path, copy: Path) -> set[str]:
    """The names that another process finds if the server is killed now: in a copy of the files as they are."""
    copy.mkdir()
    for each in file.parent.glob(f"{file.name}*"):
        shutil.copy(each, copy / each.name)
    (copy / f"{file.name}-shm").unlink(missing_ok=True)
    with sqlite3.connect(copy / file.name) as read:
        names = {name for (name,) in read.execute("SELECT request_id FROM predictions")}
    read.close()
    return names


@pytest.mark.parametrize("damage", [Path.unlink, replaced, renamed])
@pytest.mark.parametrize("names", [LOG_FILES[:1], LOG_FILES[1:], LOG_FILES], ids=["wal", "shm", "both"])
def test_nothing_acknowledged_is_lost_with_a_file_beside_the_log(tmp_path: Path, names: tuple[str, ...], damage):
    """Injected: -wal, -shm or both are deleted, replaced or renamed between two commits of a server that is killed."""
    file = tmp_path / "log" / "predictions.db"
    log = PredictionLog(f"sqlite:///{file}")
    acknowledged = set()
    for turn in range(3):
        for number in range(5):
            log.write([[prediction(f"{turn}-{number}")]])
            acknowledged.add(f"{turn}-{number}")
        assert in_a_copy(file, tmp_path / f"copy-{turn}") == acknowledged
        for name in names:
            damage(file.with_name(name))
        assert not log.dialect.is_current()
    log.close()


@pytest.mark.parametrize("name", ["predictions.db", *LOG_FILES])
def test_a_commit_into_a_file_that_is_deleted_meanwhile_is_not_acknowledged(tmp_path: Path, name: str):
    """Injected: the file is deleted after the last look at it, before the commit."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("before")]])

    def write_and_delete() -> None:
        with log.transaction() as cursor:
            cursor.execute("DELETE FROM log_checks")
            (tmp_path / name).unlink()

    with pytest.raises(LogUnavailable, match="deleted or replaced during a commit"):
        write_and_delete()
    assert not log.available
    assert log.check()
    log.close()


@pytest.mark.parametrize("name", ["predictions.db", "predictions.db-wal"])
def test_a_file_that_was_cut_off_is_noticed(tmp_path: Path, name: str):
    """Injected: a file of length nothing; it has the same inode, and is another file all the same."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("before")]])
    assert log.dialect.is_current()
    with (tmp_path / name).open("r+b") as file:
        file.truncate(0)
    assert not log.dialect.is_current()
    log.close()


def test_a_damaged_log_does_not_keep_its_lock(tmp_path: Path):
    """Injected: an error in a transaction whose cursor somebody still holds; another process can write at once."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction(f"{number}") for number in range(50)]])
    kept = []

    def fail() -> None:
        with log.transaction() as cursor:
            cursor.execute("DELETE FROM log_checks")
            kept.append(cursor.execute("SELECT * FROM predictions"))
            kept[0].fetchone()
            raise sqlite3.DatabaseError("database disk image is malformed")

    with pytest.raises(LogUnavailable):
        fail()
    other = sqlite3.connect(tmp_path / "predictions.db", timeout=0, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()
    log.close()
