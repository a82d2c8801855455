"""Personal data: keyed pseudonyms for the log, and the list of erased subjects whose rows are not collected.

Columns and keys that the contract marks `personal` are in the clear only in the training data. The erasure list holds
pseudonyms too, so without the key it does not reveal the subjects.
"""

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import Field

from flights.artifacts import read_bytes, read_json, sync, write_json
from flights.config import EnvironmentSettings
from flights.contract import PERSONAL
from flights.dataset import KEY, ROW_KEY
from flights.history import link_new

if TYPE_CHECKING:
    import pandas as pd

KEY_BYTES = 32
SUBJECTS = (*sorted(PERSONAL), *([KEY] if ROW_KEY.personal else []))  # columns that name one

Pseudonymizer = Callable[[str], str]


class Settings(EnvironmentSettings):
    """The key."""

    pseudonym_key: str = Field(
        "",
        description="Key of the log's pseudonyms, 64 hex digits; the same on all servers; empty: the data folder's.",
        repr=False,
    )


def pseudonym_key(data_dir: Path, *, make: bool = False) -> bytes:
    """The key of all pseudonyms: PSEUDONYM_KEY, or the data folder's own.

    Parameters
    ----------
    make
        Create the folder's key if it is missing. Only the server does: a new key matches no logged pseudonym.

    Raises
    ------
    FileNotFoundError
        There is no key.
    ValueError
        It is not 32 bytes.
    """
    if given := Settings().pseudonym_key:  # read here, so that no caller can forget it
        if not re.fullmatch(f"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", given):
            raise ValueError(
                f"PSEUDONYM_KEY: expected {2 * KEY_BYTES} hex digits, such as `openssl rand -hex 32` makes"
            )
        return bytes.fromhex(given)
    file = data_dir / "4_predictions" / "pseudonym.key"
    if make and not file.exists():
        _write_key(file)
    if not file.exists():
        raise FileNotFoundError(f"no {file}: set PSEUDONYM_KEY as the servers have it, or run `make serve` here first")
    key = read_bytes(file)
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"{file}: expected {KEY_BYTES} bytes, got {len(key)}: restore it; or delete it, and start with a new log"
        )
    return key


def _write_key(file: Path) -> None:
    """Link a whole key to its name: of two processes one succeeds, and both then read that one's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=file.parent) as folder:
        whole = Path(folder, "key")
        whole.touch(0o600)  # for its owner only
        whole.write_bytes(os.urandom(KEY_BYTES))
        sync(whole)
        with suppress(FileExistsError):
            link_new(whole, file)
    sync(file.parent)


def pseudonymizer(key: bytes) -> Pseudonymizer:
    """Return the function from a subject to its pseudonym: stable, and different for every key."""

    @lru_cache(10_000)  # subjects come again
    def pseudonymize(subject: str) -> str:
        return hashlib.blake2b(subject.encode(), digest_size=12, key=key).hexdigest()

    return pseudonymize


def erasure_list(data_dir: Path) -> Path:
    """The file with the pseudonyms of the subjects whose rows are no longer collected."""
    return data_dir / "1_raw" / "forgotten.json"


def erased_subjects(data_dir: Path) -> list[str]:
    """Pseudonyms of the erased subjects."""
    file = erasure_list(data_dir)
    names: list[str] = read_json(file, "")["pseudonyms"] if file.exists() else []
    return names


def erase(data_dir: Path, subject: str) -> None:
    """Add a subject to the erasure list."""
    name = pseudonymizer(pseudonym_key(data_dir))(subject)
    write_json(erasure_list(data_dir), {"pseudonyms": sorted({*erased_subjects(data_dir), name})})


def select_rows(rows: "pd.DataFrame", data_dir: Path) -> "pd.DataFrame":
    """The rows whose subjects are not on the erasure list."""
    names = erased_subjects(data_dir)
    if not names:
        return rows
    pseudonymize = pseudonymizer(pseudonym_key(data_dir))
    theirs = rows[[column for column in SUBJECTS if column in rows]].apply(
        lambda values: values.map(pseudonymize, na_action="ignore").isin(names)
    )
    kept: pd.DataFrame = rows.loc[~theirs.any(axis=1)].reset_index(drop=True)
    return kept
