"""Write files atomically (temporary file, sync, rename), read them with a hint, and compute digests.

Every file that another process reads is written through here, so a crash leaves the old file or the new one, never
half of one. Other users can read it whatever the umask is: the server often runs as one of them.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


MAX_BYTES = 64_000_000  # of a file that is read whole
FILE_MODE, FOLDER_MODE = 0o644, 0o755


def make_folder(path: Path) -> None:
    """Create a folder and its parents if they are missing, readable by other users."""
    if not path.is_dir():
        make_folder(path.parent)
        with suppress(FileExistsError):  # by another process, meanwhile
            path.mkdir()
            path.chmod(FOLDER_MODE)


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Call `write` with a temporary path in the same folder, sync the file, and rename it to `path`."""
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(FILE_MODE)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return path


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` when the block ends without an error.

    Raises
    ------
    FileExistsError
        `path` exists: a published folder never changes.
    """
    make_folder(path.parent)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        for item in [*temporary.rglob("*"), temporary]:
            item.chmod(FOLDER_MODE if item.is_dir() else FILE_MODE)
            sync(item)
        try:
            temporary.rename(path)
        except OSError as error:
            raise FileExistsError(f"{path} exists already, and a published folder never changes") from error
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync(path: Path) -> None:
    """Flush a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content: object) -> Path:
    """Write `content` as indented JSON; NaN and infinities are rejected."""
    text = json.dumps(content, indent=2, allow_nan=False, default=str) + "\n"
    return write_atomically(path, lambda temporary: temporary.write_text(text))


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a whole file, if it is an ordinary one of limited size; a FIFO is not waited for.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    PermissionError
        This user cannot read it.
    ValueError
        It is no ordinary file, such as a FIFO, a folder or a device, or it is too large.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path}: expected an ordinary file, got {stat.filemode(found.st_mode)}: restore it")
        if found.st_size > max_bytes:
            raise ValueError(f"{path}: expected at most {max_bytes:,} bytes, got {found.st_size:,}: restore it")
        content = bytearray()
        while piece := os.read(handle, max_bytes + 1 - len(content)):
            content += piece
        return bytes(content)
    finally:
        os.close(handle)


def read_json(path: Path, hint: str) -> dict[str, Any]:
    """Read a JSON object; `hint` names the command that makes it.

    Raises
    ------
    FileNotFoundError
        The file does not exist; the message contains the hint.
    """
    try:
        content = json.loads(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"no {path}: {hint}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got a {type(content).__name__}")
    return content


def write_parquet(path: Path, frame: "pd.DataFrame") -> Path:
    """Write a frame as Parquet with page checksums: without them a flipped bit reads back as different data."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    return write_atomically(path, lambda temporary: pq.write_table(table, temporary, write_page_checksum=True))


def read_parquet(path: Path, hint: str, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read Parquet and verify its page checksums; `hint` names the command that makes the file.

    Raises
    ------
    FileNotFoundError
        The file does not exist; the message contains the hint.
    OSError
        A page's checksum is wrong.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        raise FileNotFoundError(f"no {path}: {hint}")
    frame: pd.DataFrame = pq.read_table(path, columns=columns, page_checksum_verification=True).to_pandas()
    return frame


def sha256(path: Path) -> str:
    """Digest of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(parts: Iterable[str]) -> str:
    """One digest for several texts, in their order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
