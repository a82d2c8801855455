"""Create a file that nobody else has created: of two writers exactly one succeeds, with or without hard links."""

import errno
import os
import tempfile
import time
from pathlib import Path

from flights.artifacts import make_folder, sync, write_json

CLAIM_TENTHS = 20  # of a second that another writer may take between its claim and its file
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL}


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
