"""The log of accesses to the holdout: append-only, and shared by all training cutoffs.

Two holdouts may share days, and an access to one then counts for both. The log denies nothing; it says how often the
holdout was read before a metric looked good. An evaluation that ends before its version is published has shown no
metric: its access is logged, and not counted.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from flights.artifacts import sha256
from flights.config import Settings
from pipelines.rows import Period, periods

ACCESS_LOG = "holdout_ledger.jsonl"  # the name that existing data folders have


class BrokenAccessLog(ValueError):
    """A line of the access log was altered: the number of accesses is not known."""


@dataclass(frozen=True)
class HoldoutAccess:
    """One line of the access log: its number, and which step read which holdout for which candidate."""

    look: int  # its number
    at: str
    by: str  # the step
    candidate: str  # its MLflow run, which its manifest names too
    candidate_digest: str
    holdout_digest: str  # of the file that was read
    first: str  # first day that was read
    end: str  # the day after the last one
    version: int | None = None  # that the candidate was published as
    seen: bool = True  # whether a metric was shown; an evaluation shows it when it publishes its version


def log_holdout_access(
    settings: Settings, by: str, candidate: str, digest: str, source: Path, period: Period, seen: bool
) -> HoldoutAccess:
    """Append an access to the rows of a period, which are in the file `source`, and sync it to the disk."""
    first, end = days_of(period)
    with opened_log(settings) as file:
        number, at = len(accesses(settings)) + 1, datetime.now(UTC).isoformat()
        access = HoldoutAccess(number, at, by, candidate, digest, sha256(source), first, end, seen=seen)
        file.write(json.dumps({name: value for name, value in asdict(access).items() if name != "version"}) + "\n")
    return access


def log_holdout_version(settings: Settings, candidate: str, version: int) -> None:
    """Log as which version the candidate of its newest access was published."""
    with opened_log(settings) as file:
        newest = max(access.look for access in accesses(settings) if access.candidate == candidate)
        file.write(json.dumps({"look": newest, "version": version}) + "\n")


def accesses(settings: Settings) -> list[HoldoutAccess]:
    """Every access to any holdout, oldest first; a malformed line raises `BrokenAccessLog`."""
    path = access_log_path(settings)
    found: list[HoldoutAccess] = []
    for number, line in enumerate(complete_lines(path).decode(errors="replace").splitlines(), 1):
        try:
            content = json.loads(line)
            if set(content) == {"look", "version"}:
                found[content["look"] - 1] = replace(found[content["look"] - 1], version=content["version"], seen=True)
            else:
                found.append(HoldoutAccess(**content))
        except (ValueError, TypeError, IndexError) as error:
            raise BrokenAccessLog(
                f"{path}, line {number}: expected a holdout access, got {line[:80]!r}: restore that line from a backup"
            ) from error
    return found


def holdout_access_counts(settings: Settings, newest: bool) -> dict[str, int]:
    """How often, and for how many candidates, a metric of these days was seen; `newest` adds the last access."""
    first, end = days_of(periods(settings.as_of)["holdout"])
    logged = accesses(settings)
    seen = [access for access in logged if access.seen or (newest and access is logged[-1])]
    found = [access for access in seen if access.first < end and first < access.end]
    candidates = {access.candidate for access in found if access.candidate}
    return {"accesses": len(found), "candidates": len(candidates)}


def days_of(period: Period) -> tuple[str, str]:
    """First and end day of a period."""
    first, end = period
    return f"{first:%F}", f"{end:%F}"


@contextmanager
def opened_log(settings: Settings) -> Iterator[IO[str]]:
    """The access log, locked for one writer; a torn last line is removed."""
    path = access_log_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(len(complete_lines(path)))
        yield file
        file.flush()
        os.fsync(file.fileno())


def complete_lines(path: Path) -> bytes:
    """Content of the log without a last line that a full disk or a crash has torn."""
    text = path.read_bytes() if path.exists() else b""
    return text[: text.rfind(b"\n") + 1]


def access_log_path(settings: Settings) -> Path:
    """Path of the access log of all training cutoffs."""
    return settings.splits_dir.parent / ACCESS_LOG
