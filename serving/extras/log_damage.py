"""Log damage: bytes of SQLite's files that something else changed in place, under a running server.

SQLite looks at no file's time and, while it runs, at no checksum: it would go on into a damaged database, and behind a
damaged frame that ends its next recovery. Here a change that is no commit is a reason to look. If the look finds
damage the log is unavailable, and nothing is moved from the write-ahead log to the database, until the files are sound.
"""

import asyncio
import ctypes
import logging
import sqlite3
import struct
import subprocess
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from serving.log_connection import LogUnavailable, Sqlite
from serving.service import Service

logger = logging.getLogger("serving")

SECONDS = 1.0  # between two looks without traffic
LOOK_SECONDS = 2.0  # that a look may take: what a long log has behind that is not looked at
OTHERS_SECONDS = 60.0  # between two looks at changes that other processes' commits explain
HEADER, FRAME_HEADER, INDEX = 32, 24, 48  # bytes, by https://www.sqlite.org/walformat.html
ADVICE = "put the saved file back, or stop the server and move the log's files away: they are left as they are"

Stamp = tuple[int, int, int]  # a file's inode, size and time of its last change


class Damaged(OSError):
    """A file holds what SQLite did not write."""


def plug_in(service: Service) -> None:
    """Take the place of the built-in dialect, if the log is in SQLite."""
    if isinstance(service.log.dialect, Sqlite):
        service.log.dialect = GuardedSqlite(service.log.url)
        service.background.append(lambda: watch(service))


async def watch(service: Service) -> None:
    """Look without traffic as well, in the log's own thread, so that readiness tells of damage."""
    while True:
        await asyncio.sleep(SECONDS)
        with suppress(LogUnavailable):
            if service.log.available:
                await service.scorer.log_thread.run(touch, service)


def touch(service: Service) -> None:
    """Begin a transaction if something was changed: that looks."""
    dialect = service.log.dialect
    if isinstance(dialect, GuardedSqlite) and dialect.is_changed():
        service.log.available = False
        service.log.check()


class Connection(sqlite3.Connection):
    """A connection that is not closed while the files are damaged: closing it would move what is in the log."""

    guard: "GuardedSqlite"

    def close(self) -> None:
        """Close it, or keep it for as long as the process lives."""
        if not self.guard.keeps(self):
            super().close()


class GuardedSqlite(Sqlite):
    """SQLite that also notices a file which something other than a commit changed."""

    factory = Connection

    def __init__(self, url: str):
        super().__init__(url)
        self._wal, self._index = self._files[1:]
        self._seen: list[Stamp | None] = []  # database and log after our last commit
        self._kept: list[Connection] = []  # of damaged files
        self._refused: tuple[list[Stamp | None], str] = ([], "")  # the files that were looked at last, if damaged
        self._connection: Any = None
        self._thread = self._commits = 0
        self._next_look = 0.0

    def connect(self) -> sqlite3.Connection:
        """Open the files if they are sound.

        Raises
        ------
        Damaged
            They are not.
        """
        if damage := self._look():
            raise Damaged(f"{damage}; {ADVICE}")
        while self._kept:
            sqlite3.Connection.close(self._kept.pop())
        connection = self._connection = super().connect()
        connection.guard = self  # type: ignore[attr-defined]
        self._thread = threading.get_ident()
        self._note()
        return connection

    def is_changed(self) -> bool:
        """Whether database or log were written to after our last commit."""
        return self._connection is not None and self._stamps() != self._seen

    def is_current(self) -> bool:
        """Whether the files are those that were opened and, asked in the log's thread, what changed is sound."""
        if not super().is_current():
            return False
        if threading.get_ident() != self._thread or self._connection.in_transaction or not self.is_changed():
            return True
        others = self._others_committed()
        if others and time.monotonic() < self._next_look:
            return True  # the next look is at all that changed until then
        if self._look():
            return False
        self._note()
        return True

    def committed(self) -> None:
        """Note when the files were written to."""
        super().committed()
        self._note()

    def rescue(self, connection: sqlite3.Connection) -> None:
        """Move nothing from or to damaged files."""
        if not self._look():
            super().rescue(connection)

    def keeps(self, connection: Connection) -> bool:
        """Whether a connection must stay open; it is then forgotten here, and by the interpreter when it ends."""
        opened, self._connection = self._connection is connection, None
        if not opened or not super().is_current() or self._stamps() == self._seen or not self._look():
            return False
        self._kept.append(connection)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # or it would be closed at the end of the process
        return True

    def _note(self) -> None:
        self._seen, self._commits = self._stamps(), self._version()

    def _stamps(self) -> list[Stamp | None]:
        return [_stamp(self.file), _stamp(self._wal)]

    def _version(self) -> int:
        """A number that another connection's commit changes."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _others_committed(self) -> bool:
        """Whether another connection did; one that is committing now is waited for."""
        with suppress(sqlite3.Error):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.rollback()
            return self._version() != self._commits
        return False

    def _look(self) -> str:
        """What is wrong with the files, or nothing; the same files are not looked at twice."""
        stamps = self._stamps()
        if stamps != self._refused[0]:
            opened = self._connection is not None or bool(self._kept)  # else the index is an earlier process'
            damage = (opened and wal_damage(self._wal, self._index)) or database_damage(self.file)
            self._refused = (stamps, damage) if damage else ([], "")
            self._next_look = time.monotonic() + OTHERS_SECONDS
            if damage:
                logger.error("prediction log's files are damaged", extra={"damage": damage, "advice": ADVICE})
        return self._refused[1]


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def database_damage(file: Path) -> str:
    """What SQLite finds wrong with a database, read as any other process reads it."""
    if not file.is_file() or not file.stat().st_size:
        return ""
    end = time.monotonic() + LOOK_SECONDS
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=LOOK_SECONDS)) as reader:
        reader.set_progress_handler(lambda: time.monotonic() > end, 10_000)
        try:
            (found,) = reader.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError:  # it is locked, may not be opened, or is too long to be read to its end
            return ""
        except sqlite3.DatabaseError as error:
            found = str(error)
    return "" if found == "ok" else f"{file.name}: {' '.join(found.split())}"


def wal_damage(wal: Path, index: Path) -> str:
    """What SQLite would find wrong with a write-ahead log after a crash, by what its index in use says.

    The index is read by another process: closing the file in this one would give up SQLite's locks of it.
    """
    for _ in range(3):  # another process may begin the log again meanwhile
        try:
            wanted = subprocess.run(["head", "-c", str(INDEX), index], capture_output=True, check=True).stdout
            content = wal.read_bytes()
        except (OSError, subprocess.CalledProcessError):
            return ""
        if len(wanted) < INDEX or not wanted[12]:
            return ""
        frames, sums, salt = struct.unpack("=I", wanted[16:20])[0], wanted[24:32], wanted[32:40]
        if not frames or sound(content, frames, struct.unpack("=2I", sums), salt):
            return ""
    return f"{wal.name}: a checksum is wrong: predictions in it may be lost with a restart"


def sound(wal: bytes, frames: int, sums: tuple[Any, ...], salt: bytes) -> bool:
    """Whether a log's first frames are whole, and the last of them has these checksums."""
    if len(wal) < HEADER:
        return False
    magic, _, page = struct.unpack(">3I", wal[:12])
    order, size = (">" if magic & 1 else "<"), FRAME_HEADER + page
    total = checksum(wal[: HEADER - 8], order, (0, 0))
    if wal[16:24] != salt or struct.pack(">2I", *total) != wal[24:HEADER] or len(wal) < HEADER + frames * size:
        return False
    for start in range(HEADER, HEADER + frames * size, size):
        frame = wal[start : start + size]
        total = checksum(frame[:8] + frame[FRAME_HEADER:], order, total)
        if frame[8:16] != salt or struct.pack(">2I", *total) != frame[16:FRAME_HEADER]:
            return False
    return total == sums


def checksum(content: bytes, order: str, start: tuple[int, int]) -> tuple[int, int]:
    """SQLite's own: two sums over pairs of words, each of which goes into the other."""
    first, second = start
    for one, two in struct.iter_unpack(f"{order}II", content):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second
