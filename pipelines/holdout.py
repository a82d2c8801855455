"""The only door to the holdout: every look is counted before it is taken, and rows that training saw are found.

The ledger beside the splits is append-only, and one for all as-of days: two holdouts may share days, and a look at one
is then a look at the other. It stops nobody; it tells whoever reads a figure how often it was looked for.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.artifacts import sha256
from flights.config import Settings
from flights.dataset import EVENT_TIME, INPUTS, targets
from flights.files import HOLDOUT_FILE, VALID_FILE
from pipelines.split import Period, labelled, periods

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
    holdout_digest: str  # of the file that was read
    first: str  # day that was looked at
    end: str  # the day after the last one
    version: int | None = None  # that the candidate was published as


def opened(settings: Settings, by: str, candidate: str = "", candidate_digest: str = "") -> pd.DataFrame:
    """The labelled rows of the holdout, once the look is on record."""
    noted(settings, by, candidate, candidate_digest)
    return labelled(settings, "holdout")


def noted(
    settings: Settings, by: str, candidate: str = "", candidate_digest: str = "", period: Period | None = None
) -> Look:
    """Append a look at the holdout, or at another period of all rows; it is on the disk before anything is seen."""
    source = settings.raw_dir / VALID_FILE if period else settings.splits_dir / HOLDOUT_FILE
    if not source.is_file():
        raise FileNotFoundError(f"no {source}: run `make split`")
    first, end = (f"{day:%F}" for day in period or periods(settings.as_of)["holdout"])
    with appending(settings) as file:
        at = datetime.now(UTC).isoformat()
        look = Look(len(ledger(settings)) + 1, at, by, candidate, candidate_digest, sha256(source), first, end)
        file.write(json.dumps({name: value for name, value in asdict(look).items() if name != "version"}) + "\n")
    return look


def published(settings: Settings, candidate: str, version: int) -> None:
    """Add to the ledger as which version the candidate of its newest look was published."""
    with appending(settings) as file:
        newest = max(look.look for look in ledger(settings) if look.candidate == candidate)
        file.write(json.dumps({"look": newest, "version": version}) + "\n")


@contextmanager
def appending(settings: Settings) -> Iterator[IO[str]]:
    """The ledger, open for one writer, without a last line that was torn: nothing was seen before it was whole."""
    path = ledger_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(len(whole_lines(path)))
        yield file
        file.flush()
        os.fsync(file.fileno())


def ledger_file(settings: Settings) -> Path:
    """Where the ledger of all as-of days lies."""
    return settings.splits_dir.parent / LEDGER


def ledger(settings: Settings) -> list[Look]:
    """Every look at any holdout, oldest first.

    Raises
    ------
    BrokenLedger
        A line is no look.
    """
    path = ledger_file(settings)
    found: list[Look] = []
    for number, line in enumerate(whole_lines(path).decode(errors="replace").splitlines(), 1):
        try:
            said = json.loads(line)
            if set(said) == {"look", "version"}:
                found[said["look"] - 1] = replace(found[said["look"] - 1], version=said["version"])
            else:
                found.append(Look(**said))
        except (ValueError, TypeError, IndexError) as error:
            raise BrokenLedger(f"{path}, line {number}: expected a look, got {line[:80]!r}: mend that line") from error
    return found


def whole_lines(path: Path) -> bytes:
    """What the ledger says, without a last line that a full disk or a crash has torn."""
    text = path.read_bytes() if path.exists() else b""
    return text[: text.rfind(b"\n") + 1]


def looks(settings: Settings) -> dict[str, int]:
    """How often, and for how many candidates, any day of this holdout was looked at."""
    first, end = (f"{day:%F}" for day in periods(settings.as_of)["holdout"])
    found = [look for look in ledger(settings) if look.first < end and first < look.end]
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
