"""The partitions of a dataset: files of any depth, hive folders, and rows in the contract's columns."""

import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flights.contract import DTYPES, contract
from flights.dataset import INPUTS, KEY, ROW_KEY
from flights.files import TRAIN_FIRST
from pipelines.contract_check import MAX_REJECTED_SHARE, ContractBroken, checked_rows

SUFFIXES = {".parquet", ".pq", ".parq"}
COLUMNS = (ROW_KEY, *INPUTS)
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
SHOWN = 3  # reasons in a message
HINT = "Write the types of docs/data_dictionary.md"


def input_path(text: str) -> Path:
    """INPUT as a path; an object store's URL ends the process with one line."""
    if "://" in text:
        sys.exit(f"refused: INPUT={text}: expected a local folder or file: copy the files here, or mount the bucket")
    return Path(text)


def partitions(source: Path) -> list[Path]:
    """The Parquet files of a dataset, in their order; names that begin with a dot or an underscore are others'."""
    if not source.exists():
        sys.exit(f"refused: INPUT={source}: no such folder or file: name another INPUT, or {TRAIN_FIRST}")
    files = [source]
    if source.is_dir():
        found = (path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES and not path.is_dir())
        files = sorted(path for path in found if not any(part[0] in "._" for part in path.relative_to(source).parts))
    if not files:
        sys.exit(f"refused: INPUT={source}: expected files that end with {', '.join(sorted(SUFFIXES))}, got none")
    return [file.absolute() for file in files]


def place(file: Path, source: Path) -> Path:
    """Where a partition is within the dataset, and its scores within OUTPUT."""
    root = source.absolute()
    return file.relative_to(root) if file != root else Path(file.name)


class Partition:
    """One file, read in batches."""

    def __init__(self, file: Path, where: Path):
        self.file = pq.ParquetFile(file, page_checksum_verification=True)
        self.rows = self.file.metadata.num_rows
        self._of_path = hive_values(where)

    def batches(self, size: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Valid and rejected rows, batch by batch.

        Raises
        ------
        ContractBroken
            A column is missing or of another type.
        """
        names = [column.name for column in COLUMNS]
        stored = set(self.file.schema_arrow.names)
        if missing := [name for name in names if name not in stored and name not in self._of_path]:
            raise ContractBroken(f"{', '.join(missing)}: a column is required, got none: add it to the file of INPUT")
        twice = self._keys_used_twice() if KEY in stored else []
        for batch in self.file.iter_batches(size, columns=[name for name in names if name in stored]):
            frame = pa.Table.from_batches([batch]).to_pandas(ignore_metadata=True)  # a key in the index is a column
            for name, value in self._of_path.items():
                if name in names and name not in stored:
                    frame[name] = of_kind(value, name, len(frame))
            valid, rejected = checked_rows(frame[names], input_contract(), HINT)
            again = valid[KEY].isin(twice)
            doubled = valid[again].assign(reasons=f"{KEY}: a key of its own is required, got one used twice")
            yield valid[~again].reset_index(drop=True), pd.concat([rejected, doubled] if len(doubled) else [rejected])

    def _keys_used_twice(self) -> list[str]:
        keys, counts = pc.value_counts(self.file.read(columns=[KEY])[KEY]).flatten()
        found: list[str] = keys.filter(pc.greater(counts, 1)).to_pylist()
        return found


def hive_values(where: Path) -> dict[str, str | None]:
    """Columns that a file's folders name, as `carrier=UA`."""
    pairs = (part.partition("=") for part in where.parent.parts if "=" in part)
    return {unquote(name): None if value == HIVE_NULL else unquote(value) for name, _, value in pairs}


def of_kind(value: str | None, name: str, count: int) -> "pd.Series[Any]":
    """A value of a folder's name as a column of the declared type; one that cannot be it stays text."""
    kind = next(column.kind for column in COLUMNS if column.name == name)
    text = pd.Series([value] * count, dtype=object)
    try:
        if kind == "time":
            return pd.to_datetime(text, utc=True).astype(DTYPES["time"])  # type: ignore[call-overload,no-any-return]
        return text if value is None else text.astype(DTYPES[kind])  # type: ignore[call-overload]
    except ValueError:
        return text.astype("str")


@lru_cache(maxsize=1)
def input_contract() -> Any:
    """The contract of key and inputs, made once per process: making it takes a tenth of a batch's time.

    Rows need not be in the order of time, and a key is compared with those of the whole file.
    """
    return contract(INPUTS, strict="filter").add_columns(contract((ROW_KEY,)).columns)


def too_many(rejected: int, total: int) -> bool:
    """Whether more than a few rows violate the contract."""
    return rejected > MAX_REJECTED_SHARE * total


def reasons_of(rejected: pd.DataFrame, total: int, where: Path) -> str:
    """Why a partition with too many rejected rows is not scored."""
    reasons = rejected["reasons"].value_counts()
    shown = "; ".join(f"{reason} ({count:,} rows)" for reason, count in reasons.head(SHOWN).items())
    others = f"; and {len(reasons) - SHOWN:,} other reasons" if len(reasons) > SHOWN else ""
    return (
        f"{len(rejected):,} of {total:,} rows violate the contract (limit {MAX_REJECTED_SHARE:.0%}): {shown}{others}. "
        f"Correct them in INPUT; each row with its reasons is in {where}"
    )
