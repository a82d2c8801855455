"""What identifies someone: hashed with a key before it is written, and left out where it is to be forgotten.

Columns that the contract marks `personal` are in the clear only where the source brings them in. The list of the
forgotten holds pseudonyms too, so it tells nobody without the key who they were.
"""

import hashlib
import json
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flights.artifacts import write_json
from flights.dataset import INPUTS

if TYPE_CHECKING:
    import pandas as pd

PERSONAL = tuple(column.name for column in INPUTS if column.personal)

Pseudonym = Callable[[str], str]


def pseudonym_key(data_dir: Path) -> bytes:
    """The key of this data folder, made once: whoever lacks it cannot tell from a pseudonym who it is."""
    file = data_dir / "4_predictions" / "pseudonym.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return file.read_bytes()
    with os.fdopen(handle, "wb") as opened:
        opened.write(os.urandom(32))
        opened.flush()
        os.fsync(opened.fileno())
    return file.read_bytes()


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
