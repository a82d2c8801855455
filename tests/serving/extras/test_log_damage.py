"""Bytes of SQLite's files that something else overwrites in place, under a server that runs."""

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from serving.extras import log_damage
from serving.extras.log_damage import GuardedSqlite, plug_in, wal_damage
from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from serving.service import Service
from tests.serving.published import publish_champion
from tests.serving.running import running
from tests.serving.test_log_connection import in_a_copy
from tests.serving.test_prediction_log import prediction

WRITE = """
import sys
file, start, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(file, "r+b") as opened:
    size = opened.seek(0, 2)
    opened.seek(start % size)
    content = opened.read(length)
    opened.seek(start % size)
    opened.write(bytes(byte ^ 0xA5 for byte in content))
"""


def guarded(file: Path) -> PredictionLog:
    """A log as the server has it."""
    log = PredictionLog(f"sqlite:///{file}")
    log.dialect = GuardedSqlite(log.url)
    return log


def write(log: PredictionLog, *names: str) -> None:
    for name in names:
        log.write([[prediction(name)]])


def overwrite(file: Path, start: int, length: int) -> None:
    """Change bytes in a process of its own: one that closes SQLite's files loses SQLite's locks of them."""
    subprocess.run([sys.executable, "-c", WRITE, file, str(start), str(length)], check=True)


def copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", source, target], check=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database of thirty pages or so, closed."""
    file = tmp_path / "log" / "predictions.db"
    log = guarded(file)
    log.write([[prediction(f"old-{number}") for number in range(400)]])
    log.close()
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    return file


OLD = {f"old-{number}" for number in range(400)}
DAMAGE = {"header": (0, 100), "root pages": (4096, 5 * 4096), "second half": (-60_000, 60_000), "all": (0, 10**7)}


@pytest.mark.parametrize("damage", DAMAGE)
def test_nothing_is_acknowledged_into_a_damaged_database(file: Path, tmp_path: Path, damage: str, caplog):
    """Injected: parts of the database are overwritten. It is left alone until the bytes are back; no row is lost."""
    log = guarded(file)
    write(log, "before")
    copy(file, tmp_path / "saved")
    overwrite(file, *DAMAGE[damage])
    for _ in range(2):
        with pytest.raises(LogUnavailable, match=r"predictions\.db: .*put the saved file back, or stop the server"):
            write(log, "during")
    assert not log.check()
    assert len([each for each in caplog.records if "are damaged" in each.message]) == 1
    copy(tmp_path / "saved", file)
    assert log.check()
    write(log, "after")
    assert in_a_copy(file, tmp_path / "copy") == OLD | {"before", "after"}
    log.close()
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(("start", "length"), [(0, 32), (16, 4), (32 + 16, 1), (-2000, 1), (0, 10**7)])
def test_nothing_is_acknowledged_behind_a_damaged_frame(file: Path, tmp_path: Path, start: int, length: int):
    """Injected: the write-ahead log's header, its salt, a checksum, one byte of the newest page, everything."""
    log = guarded(file)
    write(log, *"abcde")
    wal = file.with_name(f"{file.name}-wal")
    copy(wal, tmp_path / "saved")
    overwrite(wal, start, length)
    with pytest.raises(LogUnavailable, match=r"predictions\.db-wal: a checksum is wrong"):
        write(log, "during")
    assert not log.check()
    copy(tmp_path / "saved", wal)
    assert log.check()
    write(log, "after")
    assert in_a_copy(file, tmp_path / "copy") == OLD | {*"abcde", "after"}
    log.close()


def test_without_the_guard_acknowledged_predictions_are_lost(file: Path, tmp_path: Path):
    """The same damage under the built-in dialect: the tests above would see it."""
    log = PredictionLog(f"sqlite:///{file}")
    write(log, "before")
    overwrite(file.with_name(f"{file.name}-wal"), 0, 32)
    write(log, "after")
    assert "after" not in in_a_copy(file, tmp_path / "copy")
    log.close()


@pytest.mark.parametrize("replace", ["moved", "deleted"])
def test_another_file_heals_too(file: Path, tmp_path: Path, replace: str):
    """After damage the saved database comes back under another inode, or all three files go: predictions go on."""
    copy(file, tmp_path / "saved")
    log = guarded(file)
    write(log, "before")
    overwrite(file, 0, 10**7)
    with pytest.raises(LogUnavailable):
        write(log, "during")
    if replace == "moved":
        (tmp_path / "saved").rename(file)
    else:
        for each in file.parent.iterdir():
            each.unlink()
    assert log.check()
    write(log, "after")
    rest = OLD | {"before", "after"} if replace == "moved" else {"after"}
    assert in_a_copy(file, tmp_path / "copy") == rest
    log.close()


def test_a_change_without_damage_is_none(file: Path, caplog):
    """A new time, a checkpoint by another process, an emptied log: nothing is opened again, nothing is said."""
    log = guarded(file)
    write(log, "a")
    opened = log._connection
    subprocess.run(["touch", file, f"{file}-wal"], check=True)
    write(log, "b")
    other = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(RESTART)')"
    subprocess.run([sys.executable, "-c", other, file], check=True)
    write(log, "c")
    assert log._connection is opened
    log._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # as log_size does
    log.close()
    write(log, "d")
    assert caplog.records == []
    assert log.rows("SELECT COUNT(*) FROM predictions") == [(404,)]
    log.close()


def test_another_process_that_commits_is_no_damage(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two writers take turns: neither opens the log again, and a look follows a minute later at most."""
    logs = [guarded(file), guarded(file)]
    for log in logs:
        write(log, f"first-{id(log)}")
    looks: list[Path] = []

    def look(wal: Path, _: Path) -> str:
        looks.append(wal)
        return ""

    monkeypatch.setattr(log_damage, "wal_damage", look)
    connections = [log._connection for log in logs]
    for turn in range(5):
        for which, log in enumerate(logs):
            write(log, f"{turn}-{which}")
    assert connections == [log._connection for log in logs]
    assert len(looks) == 0
    overwrite(file, 0, 10**7)
    with pytest.raises(LogUnavailable):
        write(logs[0], "during")
    monkeypatch.setattr(log_damage.time, "monotonic", lambda: 1e9)
    with pytest.raises(LogUnavailable):
        write(logs[1], "during")


def test_what_the_index_says_is_in_the_log(file: Path):
    """SQLite's checksums are computed again, through a log that was begun again."""
    log = guarded(file)
    write(log, *map(str, range(20)))
    log._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    write(log, "new")
    files = [file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm")]
    assert wal_damage(*files) == ""
    overwrite(files[0], -2000, 1)  # behind what is in use
    assert wal_damage(*files) == ""
    overwrite(files[0], 40, 1)
    assert "checksum" in wal_damage(*files)
    overwrite(files[0], 40, 1)
    log.close()


@pytest.mark.heavy
@pytest.mark.parametrize(("ending", "stop"), [("", signal.SIGTERM), ("-wal", signal.SIGTERM), ("", signal.SIGKILL)])
def test_readiness_tells_of_damage_and_a_restart_heals(tmp_path: Path, ending: str, stop: signal.Signals):
    """Without traffic. The server stops without a checkpoint, so the saved database fits what it wrote."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    file = tmp_path / "4_predictions" / "predictions.db"
    log = guarded(file)
    write(log, *OLD)
    log.close()
    with running(tmp_path) as server:
        server.wait()
        copy(file.with_name(f"{file.name}{ending}"), tmp_path / "saved")
        overwrite(file.with_name(f"{file.name}{ending}"), 0, 10**7)
        server.wait(status=503)
        assert httpx.get(f"{server.url}/health/live").status_code == 200
        server.process.send_signal(stop)
        server.process.wait(30)
        assert "put the saved file back" in server.log.read_text()
    assert file.with_name(f"{file.name}-wal").stat().st_size
    if not ending:
        copy(tmp_path / "saved", file)
    with running(tmp_path) as server:
        server.wait()
    assert in_a_copy(file, tmp_path / "copy") == OLD


def test_the_server_has_the_guard(tmp_path: Path):
    """It takes the built-in dialect's place, and a deleted file is rescued as before."""
    file = tmp_path / "log" / "predictions.db"
    log = PredictionLog(f"sqlite:///{file}")
    plug_in(cast("Service", SimpleNamespace(log=log, background=[])))
    assert isinstance(log.dialect, GuardedSqlite)
    write(log, "before")
    file.with_name(f"{file.name}-wal").unlink()
    write(log, "after")
    assert in_a_copy(file, tmp_path / "copy") == {"before", "after"}
    log.close()
