"""What identifies someone: hashed with a key before it is written, and left out where it is to be forgotten.

Columns that the contract marks `personal` are in the clear only where the source brings them in. The list of the
forgotten holds pseudonyms too, so it tells nobody without the key who they were.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from flights.artifacts import sync, write_json
from flights.config import Settings
from flights.dataset import INPUTS

if TYPE_CHECKING:
    import pandas as pd

PERSONAL = tuple(column.name for column in INPUTS if column.personal)

KEY_BYTES = 32

Pseudonym = Callable[[str], str]


def pseudonym_key(data_dir: Path, *, make: bool = False) -> bytes:
    """The key of all pseudonyms: PSEUDONYM_KEY or the data folder's own. Whoever lacks it cannot tell who it is.

    Parameters
    ----------
    make
        Make the folder's key where there is none. Only the server does: with a new key nobody is found.

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
    if make and not file.is_file():
        _write_key(file)
    if not file.is_file():
        raise FileNotFoundError(f"no {file}: set PSEUDONYM_KEY as the servers have it, or run `make serve` here first")
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"{file}: expected {KEY_BYTES} bytes, got {len(key)}: restore it; or delete it, and start with a new log"
        )
    return key


def _write_key(file: Path) -> None:
    """Link a whole key to its name: of two processes one succeeds, and both then read that one's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=file.parent) as temporary:  # for its owner only
        temporary.write(os.urandom(KEY_BYTES))
        temporary.flush()
        os.fsync(temporary.fileno())
        with suppress(FileExistsError):
            os.link(temporary.name, file)
    sync(file.parent)


def pseudonym(key: bytes) -> Pseudonym:
    """Turn a subject into the name that it has in the log: always the same, and only with this key."""

    @lru_cache(10_000)  # subjects come again
    def named(subject: str) -> str:
        return hashlib.blake2b(subject.encode(), digest_size=12, key=key).hexdigest()

    return named


def forgotten_list(data_dir: Path) -> Path:
    """The pseudonyms of those whose rows are no longer collected."""
    return data_dir / "1_raw" / "forgotten.json"


def forgotten(data_dir: Path) -> list[str]:
    """Who is to be forgotten, by pseudonym."""
    file = forgotten_list(data_dir)
    names: list[str] = json.loads(file.read_text())["pseudonyms"] if file.is_file() else []
    return names


def forget(data_dir: Path, subject: str) -> None:
    """Put a subject on the list."""
    name = pseudonym(pseudonym_key(data_dir))(subject)
    write_json(forgotten_list(data_dir), {"pseudonyms": sorted({*forgotten(data_dir), name})})


def without_forgotten(rows: "pd.DataFrame", data_dir: Path) -> "pd.DataFrame":
    """The rows of everybody who is not on the list."""
    names = forgotten(data_dir)
    if not names:
        return rows
    named = pseudonym(pseudonym_key(data_dir))
    theirs = rows[[column for column in PERSONAL if column in rows]].apply(
        lambda values: values.map(named, na_action="ignore").isin(names)
    )
    kept: pd.DataFrame = rows.loc[~theirs.any(axis=1)].reset_index(drop=True)
    return kept
