"""The only access to the holdout: the plug-in `holdout_log` logs every access before a row is read."""

from pathlib import Path

import pandas as pd

from flights.artifacts import sha256
from flights.config import Settings
from flights.files import HOLDOUT_FILE, TRAINING_FILE, VALID_FILE
from flights.plugins import hooks
from pipelines.rows import Period, labelled_rows, periods

PLUGINS = "pipelines.extras"


def read_holdout(settings: Settings, by: str, folder: Path | None = None, seen: bool = True) -> pd.DataFrame:
    """The labelled rows of the holdout, for the candidate in `folder` if there is one; the access is logged first."""
    candidate, digest = (folder.name, sha256(folder / TRAINING_FILE)) if folder else ("", "")
    log_access(settings, by, candidate, digest, seen=seen)
    return labelled_rows(settings, "holdout")


def log_access(
    settings: Settings, by: str, candidate: str = "", digest: str = "", period: Period | None = None, seen: bool = True
) -> None:
    """Log that the step `by` reads the holdout, or another period of all rows, and whether it shows a metric of it."""
    source = settings.raw_dir / VALID_FILE if period else settings.splits_dir / HOLDOUT_FILE
    if not source.is_file():
        raise FileNotFoundError(f"no {source}: run `make split`")
    days = period or periods(settings.as_of)["holdout"]
    for log in hooks(PLUGINS, "log_holdout_access"):
        log(settings, by, candidate, digest, source, days, seen)


def log_version(settings: Settings, candidate: str, version: int) -> None:
    """Log as which version a candidate was published."""
    for log in hooks(PLUGINS, "log_holdout_version"):
        log(settings, candidate, version)


def access_counts(settings: Settings, newest: bool = False) -> dict[str, int]:
    """How often, and for how many candidates, a metric of these days was seen; `newest` adds the last access."""
    counts = {"accesses": 0, "candidates": 0}
    for count in hooks(PLUGINS, "holdout_access_counts"):
        counts.update(count(settings, newest))
    return counts
