"""Collect: one row per departure from the source's five tables, with what was known two hours before it.

Writes `1_raw/collected.parquet` with a manifest. Rejects no row: that is what `validate` is for. The conditions come
from the feature views, a plug-in, so that training and the feature store call one implementation.
"""

import importlib.metadata
import sys
from pathlib import Path

import pandas as pd

from flights.artifacts import sha256, write_json, write_parquet
from flights.config import Settings
from flights.contract import TABLE, schema_digest
from flights.dataset import EVENT_TIME, KEY, PREDICTION_LEAD_HOURS
from flights.files import COLLECTED_FILE, MANIFEST_FILE
from flights.plugins import hooks
from pipelines.collection import timetable
from pipelines.collection.timetable import TABLES, source_folder, with_instants
from pipelines.step import size, step

SOURCE = timetable.SOURCE  # [SWAP] where the rows come from: all of this module, and the folder collection
MISSING_COLUMNS = (
    "collect: no plug-in of src/flights/extras gives these declared columns: {}. Restore the feature views "
    "(git checkout src/flights/extras/feature_views), or write collect.py for your data: docs/your_data.md"
)


def main() -> None:
    """Collect every departure."""
    settings = Settings.read()
    with step("collect") as summary:
        folder = source_folder()
        tables = {name: pd.read_csv(folder / file) for name, file in TABLES.items()}
        flights = collected_rows(tables)
        for select_rows in hooks("flights.extras", "select_rows"):
            flights = select_rows(flights, settings.data_dir)
        path = write_parquet(settings.raw_dir / COLLECTED_FILE, flights)
        write_json(settings.raw_dir / MANIFEST_FILE, manifest(folder, tables, path, flights))
        summary.read = f"{len(TABLES)} tables of {SOURCE}"
        summary.wrote = f"{len(flights):,} departures x {flights.shape[1]} columns to {path} ({size(path)})"


def collected_rows(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The contract's table, by scheduled departure, from the source's tables."""
    flights = with_instants(tables["flights"], tables["airports"])
    names = [column.name for column in TABLE]
    known = {name: flights[name] for name in names if name in flights}
    for conditions in hooks("flights.extras", "conditions"):
        known = conditions(flights, tables) | known
    if missing := [name for name in names if name not in known]:
        sys.exit(MISSING_COLUMNS.format(", ".join(missing)))
    return pd.DataFrame({name: known[name] for name in names}).sort_values([EVENT_TIME, KEY], ignore_index=True)


def manifest(folder: Path, tables: dict[str, pd.DataFrame], path: Path, flights: pd.DataFrame) -> dict[str, object]:
    """The file's sources and settings; without a date, so that equal runs write equal files."""
    return {
        "source": {"name": SOURCE, "version": importlib.metadata.version(SOURCE)},
        "tables": {
            name: {"file": file, "sha256": sha256(folder / file), "rows": len(tables[name])}
            for name, file in TABLES.items()
        },
        "settings": {
            "prediction_lead_hours": PREDICTION_LEAD_HOURS,
            **{name: value for each in hooks("flights.extras", "condition_settings") for name, value in each().items()},
        },
        "schema_digest": schema_digest(),
        "file": {"name": path.name, "sha256": sha256(path), "rows": len(flights)},
        "without_outcome": int(flights["arrival_delay"].isna().sum()),
    }


if __name__ == "__main__":
    main()
