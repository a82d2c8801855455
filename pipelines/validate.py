"""Validate: check every collected row against the data contract; rejected rows go to quarantine with their reasons.

A bad row is rejected alone. A bad table (a column missing, added or of another type, rows out of time order) or too
many rejected rows stop the step, and the earlier `valid.parquet` stays.
"""

from flights.artifacts import read_parquet, write_parquet
from flights.config import Settings
from flights.dataset import ROWS
from flights.files import COLLECTED_FILE, VALID_FILE
from pipelines.contract_check import checked_rows, limit_rejected_rows
from pipelines.step import size, step


def main() -> None:
    """Divide the collected rows into valid and rejected ones."""
    raw = Settings.read().raw_dir
    with step("validate") as summary:
        collected = read_parquet(raw / COLLECTED_FILE, "run `make collect`")
        valid, rejected = checked_rows(collected)
        quarantine = write_parquet(raw / "quarantine.parquet", rejected)
        limit_rejected_rows(len(rejected), len(collected), f"the reasons are in {quarantine}")
        path = write_parquet(raw / VALID_FILE, valid)
        summary.read = f"{len(collected):,} {ROWS}"
        summary.wrote = f"{len(valid):,} valid to {path} ({size(path)}), {len(rejected):,} rejected to {quarantine}"


if __name__ == "__main__":
    main()
