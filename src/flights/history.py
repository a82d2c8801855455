"""An append-only history: a folder of small files, one for each entry, named by its sequence number.

A writer claims the next number exclusively, so of two writers exactly one succeeds. What an entry says, and which
state a writer expects before it appends, is up to the caller.
"""

import errno
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from flights.artifacts import make_folder, read_bytes, sync, write_json

MAX_ENTRY_BYTES = 100_000
CLAIM_TENTHS = 20  # of a second that another writer may take between its claim and its file
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL}


@dataclass(frozen=True)
class Entry:
    """The part that every entry has; a subclass adds its own fields."""

    sequence: int
    at: str


Kind = TypeVar("Kind", bound=Entry)


class UnreadableEntryError(RuntimeError):
    """An entry of the history cannot be read, so the current state is unknown."""


class SequenceTakenError(RuntimeError):
    """Another writer appended in the meantime."""


def entries(folder: Path, kind: type[Kind]) -> list[Kind]:
    """All entries, oldest first.

    Raises
    ------
    UnreadableEntryError
        A file is not an entry of this kind or missing, or the folder cannot be read.
    """
    try:
        files = sorted(folder.iterdir())  # unlike a glob it tells an unreadable folder from an empty one
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnreadableEntryError(_unreadable(folder, error)) from error
    found = [_read(file, kind) for file in files if file.match("[0-9]*.json")]
    for number, entry in enumerate(found, 1):
        if entry.sequence != number:
            raise UnreadableEntryError(f"{folder / f'{number:06}.json'}: missing or altered: restore it from a backup")
    return found


def append(folder: Path, last: int, kind: Callable[..., Kind], **fields: Any) -> Kind:
    """Append an entry after the sequence number that the caller has read last: compare and swap.

    Raises
    ------
    SequenceTakenError
        The history has a newer entry.
    """
    entry = kind(sequence=last + 1, at=datetime.now(UTC).isoformat(), **fields)
    try:
        write_new_json(folder / f"{entry.sequence:06}.json", asdict(entry))
    except FileExistsError:
        raise SequenceTakenError(f"{folder}: entry {entry.sequence} was written meanwhile") from None
    return entry


def _read(file: Path, kind: type[Kind]) -> Kind:
    try:
        entry = kind(**json.loads(read_bytes(file, MAX_ENTRY_BYTES)))
        for each in fields(entry):
            if each.type is int and type(getattr(entry, each.name)) is not int:
                raise TypeError(f"{each.name} {getattr(entry, each.name)!r}")
        return entry
    except OSError as error:
        raise UnreadableEntryError(_unreadable(file, error)) from error
    except (TypeError, ValueError) as error:
        message = f"{file}: expected a {kind.__name__.lower()}, got {error}: restore it from a backup"
        raise UnreadableEntryError(message) from error


def _unreadable(path: Path, error: OSError) -> str:
    return f"cannot read {path}: {str(error.strerror).lower()}: make it readable for the user of this process"


def write_new_json(path: Path, content: object) -> Path:
    """Write JSON to a path that does not exist: of two writers exactly one succeeds.

    Raises
    ------
    FileExistsError
        Another writer was faster.
    """
    make_folder(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as temporary:
        whole = write_json(Path(temporary) / "entry.json", content)
        link_new(whole, path)
        sync(path.parent)
    return path


def link_new(whole: Path, path: Path) -> None:
    """Give a finished file its final name, if nothing has that name.

    Raises
    ------
    FileExistsError
        Another writer was faster.
    """
    try:
        os.link(whole, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _claim_and_rename(whole, path)


def _claim_and_rename(whole: Path, path: Path) -> None:
    """Do the same on a file system without hard links: the writer that creates the claim is the only one to rename."""
    claim = path.with_name(f".{path.name}.claim")
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        for _ in range(CLAIM_TENTHS):
            if path.exists():
                raise
            time.sleep(0.1)
        raise OSError(errno.EBUSY, "another writer was stopped here: delete this file and try again", claim) from None
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, "another writer was faster", path)
        whole.rename(path)
    finally:
        claim.unlink()
