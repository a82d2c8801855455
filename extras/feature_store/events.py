"""Events: write what happened, from the source's tables, as one Parquet file for each kind: the offline source."""

import pandas as pd

from extras.feature_store.source import event_tables
from flights.artifacts import write_parquet
from flights.config import Settings
from flights.contract import contract
from flights.extras.feature_views.kinds import BY_NAME, CLOCKS
from pipelines.collection.timetable import TABLES, source_folder
from pipelines.contract_check import checked_rows
from pipelines.step import size, step

FOLDER = "events"  # below 1_raw


def main() -> None:
    """Derive the events, validate them against their declaration, and write them."""
    settings = Settings.read()
    with step("events") as summary:
        folder = source_folder()
        tables = {name: pd.read_csv(folder / file) for name, file in TABLES.items()}
        events = event_tables(tables)
        rejected = 0
        for name, table in events.items():
            events[name], quarantine = checked_rows(table, contract((*CLOCKS, *BY_NAME[name].columns)))
            rejected += len(quarantine)
        paths = [write_parquet(settings.raw_dir / FOLDER / f"{name}.parquet", table) for name, table in events.items()]
        summary.read = f"{len(TABLES)} tables"
        count = sum(map(len, events.values()))
        summary.wrote = (
            f"{count:,} events to {paths[0].parent} ({size(*paths)}); rejected {rejected} by their declaration"
        )


if __name__ == "__main__":
    main()
