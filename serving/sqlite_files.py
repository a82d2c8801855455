"""SQLite as the log's database: every commit is synced, and a deleted, replaced or truncated file is noticed."""

import sqlite3
from pathlib import Path

from flights.log_url import read_url

BUSY = 2.0  # seconds that another writer may hold SQLite before the log counts as unavailable

Found = tuple[int, int, int]  # a file's device, inode and size


class Sqlite:
    """SQLite, with every commit synced to the disk."""

    mark, errors, some_rows = "?", sqlite3, "rowid IN (SELECT rowid {})"

    def __init__(self, url: str):
        self.file = Path(read_url(url))
        self._files = [self.file, *(Path(f"{self.file}{end}") for end in ("-wal", "-shm"))]
        self._found: list[Found | None] = []  # the files when they were opened or last looked at

    def connect(self) -> sqlite3.Connection:
        """Open the file, and create it if it is missing."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if not self.file.exists():  # closing a file drops the locks of this process's other connections
            self.file.touch()
        found = _found(self.file)  # before opening: if the file is replaced meanwhile it differs
        connection = sqlite3.connect(self.file, timeout=BUSY, isolation_level="IMMEDIATE", check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, not on its way
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # creates the other two files
        self._found = [found, *map(_found, self._files[1:])]
        return connection

    def is_current(self) -> bool:
        """Whether the files are still those that were opened: none deleted, replaced or cut off."""
        return bool(self._found) and all(map(_is_same, self._found, map(_found, self._files)))

    def committed(self) -> None:
        """Take note of how long the files are after a commit.

        Raises
        ------
        FileNotFoundError
            What was committed may be in a file that nobody can open again.
        """
        found = list(map(_found, self._files))
        if not all(map(_is_same, self._found, found)):
            raise FileNotFoundError(f"{self.file}: its files were deleted or replaced during a commit")
        self._found = found

    def rescue(self, connection: sqlite3.Connection) -> None:
        """Bring what was committed into a deleted file to the database; a file that was cut off is not read."""
        pairs = zip(self._found, map(_found, self._files), strict=True)
        if all(before is None or now is None or before[2] <= now[2] for before, now in pairs):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def interrupt(self, connection: sqlite3.Connection) -> None:
        """End a running statement from another thread."""
        connection.interrupt()


def _found(path: Path) -> Found | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size


def _is_same(before: Found | None, now: Found | None) -> bool:
    return before is not None and now is not None and before[:2] == now[:2] and before[2] <= now[2]
