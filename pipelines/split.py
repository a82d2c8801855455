"""Split by time: train, then validation, then holdout, then live, with a gap so that every outcome is known in time.

The last days of each part but live are left out: a label of theirs might arrive only when the next part has begun.
"""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.artifacts import read_parquet, sha256, write_json, write_parquet
from flights.config import GAP_DAYS, HOLDOUT_MONTHS, VALIDATION_MONTHS, Settings
from flights.contract import schema_digest
from flights.dataset import EVENT_TIME, OUTCOME, ROWS, ZONE, targets
from flights.files import MANIFEST_FILE, VALID_FILE
from pipelines.step import step

Period = tuple[pd.Timestamp, pd.Timestamp]


class EmptyPart(ValueError):
    """A part of the split that learning or judging needs holds no rows, or the data ends too early."""


def main() -> None:
    """Write the four parts and their manifest."""
    settings = Settings()
    with step("split") as said:
        rows = read_parquet(settings.raw_dir / VALID_FILE, "run `make validate`")
        parts = write_split(settings, rows)
        said.read = f"{len(rows):,} {ROWS}"
        said.wrote = ", ".join(f"{name} {len(part):,}" for name, part in parts.items()) + f" to {settings.splits_dir}"


def write_split(settings: Settings, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split the valid rows on AS_OF, and leave the parts with their manifest."""
    parts = split(rows, settings.as_of)
    paths = {name: write_parquet(settings.splits_dir / f"{name}.parquet", part) for name, part in parts.items()}
    content = {
        "as_of": settings.as_of,
        "source_sha256": sha256(settings.raw_dir / VALID_FILE),
        "schema_digest": schema_digest(),
        "gap_days": GAP_DAYS,
        "parts": {name: {**described(parts[name]), "sha256": sha256(path)} for name, path in paths.items()},
    }
    write_json(settings.splits_dir / MANIFEST_FILE, content)
    return parts


def split(rows: pd.DataFrame, as_of: date) -> dict[str, pd.DataFrame]:
    """The rows of each part, by the time of their event.

    Raises
    ------
    EmptyPart
        A part would hold no rows, but for live: nothing has departed yet where `as_of` is today. Or the rows end long
        before it, and what is called the newest months is not.
    """
    parts = {name: between(rows, period) for name, period in periods(as_of).items()}
    empty = [name for name, part in parts.items() if part.empty and name != "live"]
    first, last = (each.tz_convert(ZONE) for each in (rows[EVENT_TIME].min(), rows[EVENT_TIME].max()))
    if last < pd.Timestamp(as_of, tz=ZONE) - pd.DateOffset(days=GAP_DAYS):
        empty.append(f"the days before {as_of}")
    if empty:
        raise EmptyPart(f"no rows for {', '.join(empty)} as of {as_of}: the data runs from {first:%F} to {last:%F}")
    return parts


def periods(as_of: date) -> dict[str, Period]:
    """First instant of each part, and the instant at which it has ended; days are local dates."""
    live = pd.Timestamp(as_of, tz=ZONE)
    holdout = live - pd.DateOffset(months=HOLDOUT_MONTHS)
    validation = holdout - pd.DateOffset(months=VALIDATION_MONTHS)
    gap = pd.DateOffset(days=GAP_DAYS)
    return {
        "train": (pd.Timestamp(0, tz=ZONE), validation - gap),
        "validation": (validation, holdout - gap),
        "holdout": (holdout, live - gap),
        "live": (live, pd.Timestamp.max.tz_localize("UTC")),
    }


def between(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Rows whose event lies within a period, its end left out."""
    start, end = period
    return rows[(rows[EVENT_TIME] >= start) & (rows[EVENT_TIME] < end)].reset_index(drop=True)


def labelled(settings: Settings, part: str) -> pd.DataFrame:
    """The rows of a part that have an outcome."""
    rows = read_parquet(settings.splits_dir / f"{part}.parquet", "run `make split`")
    return rows[~np.isnan(targets(rows))]


def local_days(rows: pd.DataFrame) -> NDArray[Any]:
    """The operation's calendar day of each row: an evening belongs to the day on the wall."""
    return np.asarray(rows[EVENT_TIME].dt.tz_convert(ZONE).dt.date)


def described(part: pd.DataFrame) -> dict[str, object]:
    """Size and reach of one part."""
    return {
        "rows": len(part),
        "without_outcome": int(part[OUTCOME].isna().sum()),
        **(
            {}
            if part.empty
            else {"first": part[EVENT_TIME].min().isoformat(), "last": part[EVENT_TIME].max().isoformat()}
        ),
    }


if __name__ == "__main__":
    main()
