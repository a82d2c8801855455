"""The only door to the holdout: every look is counted before it is taken, and rows that training saw are found.

The ledger beside the splits is append-only. It stops nobody; it tells whoever reads a figure how often it was looked
for.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.artifacts import sha256
from flights.config import Settings
from flights.dataset import EVENT_TIME, INPUTS, targets
from pipelines.split import labelled

LEDGER = "holdout_ledger.jsonl"
Digests = NDArray[np.uint64]


class BrokenLedger(ValueError):
    """A line of the ledger was altered: how often the holdout was looked at is not known."""


@dataclass(frozen=True)
class Look:
    """One line of the ledger: who looked at which holdout for which candidate, and the how-manyth look that was."""

    look: int
    at: str
    by: str  # the step
    candidate: str  # its MLflow run, which its manifest names too
    candidate_digest: str
    holdout_digest: str


def opened(settings: Settings, by: str, candidate: str = "", candidate_digest: str = "") -> pd.DataFrame:
    """The labelled rows of the holdout, once the look is on record."""
    noted(settings, by, candidate, candidate_digest)
    return labelled(settings, "holdout")


def noted(settings: Settings, by: str, candidate: str, candidate_digest: str) -> Look:
    """Append a look to the ledger; it is on the disk before anything is seen."""
    holdout = settings.splits_dir / "holdout.parquet"
    if not holdout.is_file():
        raise FileNotFoundError(f"no {holdout}: run `make split`")
    path = settings.splits_dir / LEDGER
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(len(whole_lines(path)))  # a torn line was nobody's look: it is on record before anything is seen
        at = datetime.now(UTC).isoformat()
        look = Look(len(ledger(settings)) + 1, at, by, candidate, candidate_digest, sha256(holdout))
        file.write(json.dumps(asdict(look)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return look


def ledger(settings: Settings) -> list[Look]:
    """Every look at this holdout, oldest first.

    Raises
    ------
    BrokenLedger
        A line is no look.
    """
    path, found = settings.splits_dir / LEDGER, []
    for number, line in enumerate(whole_lines(path).decode(errors="replace").splitlines(), 1):
        try:
            found.append(Look(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise BrokenLedger(f"{path}, line {number}: expected a look, got {line[:80]!r}: mend that line") from error
    return found


def whole_lines(path: Path) -> bytes:
    """What the ledger says, without a last line that a full disk or a crash has torn."""
    text = path.read_bytes() if path.exists() else b""
    return text[: text.rfind(b"\n") + 1]


def looks(settings: Settings) -> dict[str, int]:
    """How often, and for how many candidates, the holdout was looked at."""
    found = ledger(settings)
    return {"looks": len(found), "candidates": len({look.candidate for look in found if look.candidate})}


def row_digests(rows: pd.DataFrame) -> Digests:
    """One number for each row's inputs and target, whatever the row is called."""
    named = rows[[column.name for column in INPUTS]].assign(target=targets(rows))
    return np.asarray(pd.util.hash_pandas_object(named, index=False), np.uint64)


def write_seen(folder: Path, *parts: pd.DataFrame) -> dict[str, str]:
    """Leave the digests of every row that a training saw; return until when they reach."""
    np.save(folder / "seen.npy", np.sort(np.concatenate([row_digests(part) for part in parts])))
    return {"seen_until": str(max(part[EVENT_TIME].max() for part in parts))}


def cleanliness(folder: Path, training: Mapping[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    """How many of some rows a training saw, and how long before the first of them it ended."""
    seen = np.load(folder / "seen.npy")
    gap = rows[EVENT_TIME].min() - pd.Timestamp(training["seen_until"])
    return {
        "rows_seen_in_training": int(np.isin(row_digests(rows), seen).sum()),
        "days_after_training": gap.total_seconds() / 86_400,
    }
