"""Split by time: train, then validation, then holdout, then live, with a gap so that every outcome is known in time.

The gap is the last days of each part but live: their labels might arrive only after the next part has begun.
"""

from datetime import date

import pandas as pd

from flights.artifacts import read_parquet, sha256, write_json, write_parquet
from flights.config import GAP_DAYS, Settings
from flights.contract import schema_digest
from flights.dataset import EVENT_TIME, OUTCOME, ROWS, ZONE
from flights.files import MANIFEST_FILE, VALID_FILE
from pipelines.rows import between, periods
from pipelines.step import step


class EmptyPart(ValueError):
    """A part that training or evaluation needs has no rows, or the data ends too early."""


def main() -> None:
    """Write the four parts and their manifest."""
    settings = Settings.read()
    with step("split") as summary:
        rows = read_parquet(settings.raw_dir / VALID_FILE, "run `make validate`")
        parts = split(rows, settings.as_of)
        write_split(settings, parts)
        summary.read = f"{len(rows):,} {ROWS}"
        counts = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
        summary.wrote = f"{counts} to {settings.splits_dir}"


def split(rows: pd.DataFrame, as_of: date) -> dict[str, pd.DataFrame]:
    """The rows of each part, by the time of their event."""
    parts = {name: between(rows, period) for name, period in periods(as_of).items()}
    empty = [name for name, part in parts.items() if part.empty and name != "live"]
    first = rows[EVENT_TIME].min().tz_convert(ZONE)
    last = rows[EVENT_TIME].max().tz_convert(ZONE)
    if last < pd.Timestamp(as_of, tz=ZONE) - pd.DateOffset(days=GAP_DAYS):
        empty.append(f"the days before {as_of}")
    if empty:
        raise EmptyPart(f"no rows for {', '.join(empty)} as of {as_of}: the data runs from {first:%F} to {last:%F}")
    return parts


def write_split(settings: Settings, parts: dict[str, pd.DataFrame]) -> None:
    """Write the parts and a manifest with their digests."""
    paths = {name: write_parquet(settings.splits_dir / f"{name}.parquet", part) for name, part in parts.items()}
    content = {
        "as_of": settings.as_of,
        "source_sha256": sha256(settings.raw_dir / VALID_FILE),
        "schema_digest": schema_digest(),
        "gap_days": GAP_DAYS,
        "parts": {name: {**part_summary(parts[name]), "sha256": sha256(path)} for name, path in paths.items()},
    }
    write_json(settings.splits_dir / MANIFEST_FILE, content)


def part_summary(part: pd.DataFrame) -> dict[str, object]:
    """Number of rows, and first and last event if there is any."""
    summary: dict[str, object] = {"rows": len(part), "without_outcome": int(part[OUTCOME].isna().sum())}
    if not part.empty:
        summary["first"] = part[EVENT_TIME].min().isoformat()
        summary["last"] = part[EVENT_TIME].max().isoformat()
    return summary


if __name__ == "__main__":
    main()
