"""Read a table from CSV, CSV.gz, Parquet or a folder of them, and the times in its columns.

`make new` copies this module into the project that it writes: what was inferred and what is collected are read alike.
"""

import csv
import gzip
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
DAYS = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S")
FORMATS = ("ISO8601", *(day + clock for day in DAYS for clock in CLOCKS), "%Y%m%d")
SAMPLE_BYTES = 65_536  # of a text file, by which its separator and encoding are recognized
CHUNK_ROWS = 100_000  # of a text file that are searched for codes at once
CODE = r"0\d+"  # a postcode or a key, and no number: it would lose its zeros
OFFSET = r"(?:Z|[+-]\d\d:?\d\d)\s*$"


class Unreadable(ValueError):
    """A file or a column cannot be read as it should; the message says which option to give."""


def read_table(source: Path) -> pd.DataFrame:
    """Every row of a file, or of all files of a folder, with the columns as they are called there."""
    if not source.exists():
        raise Unreadable(f"FROM={source}: no such file or folder")
    paths = [source] if source.is_file() else sorted(path for path in source.rglob("*") if is_table(path))
    if not paths or not is_table(paths[0]):
        raise Unreadable(f"FROM={source}: expected {', '.join(SUFFIXES)}, or a folder of them")
    codes = {place for path in paths if path.suffix != ".parquet" for place in code_columns(path)}
    tables = [read_file(path, codes) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if list(table.columns) != list(tables[0].columns):
            other = sorted(set(table.columns).symmetric_difference(tables[0].columns))
            raise Unreadable(f"{path}: its columns differ from those of {paths[0]}: {', '.join(map(str, other))}")
    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]


def is_table(path: Path) -> bool:
    """Whether a file has the name of a table."""
    return path.name.lower().endswith(SUFFIXES)


def code_columns(path: Path) -> set[int]:
    """Places of the columns of a text file that hold a code in any row."""
    found: set[int] = set()
    with opened(path) as (text, _, shape):
        for rows in pd.read_csv(text, dtype="str", chunksize=CHUNK_ROWS, **shape):
            left = [place for place in range(rows.shape[1]) if place not in found]
            found |= {place for place in left if rows[place].str.fullmatch(CODE).eq(True).any()}
    return found


def read_file(path: Path, codes: Collection[int] = ()) -> pd.DataFrame:
    """Every row of one file; of a text file, the columns of `codes` as texts."""
    if path.suffix == ".parquet":
        return cleaned(pd.read_parquet(path).reset_index(drop=True))
    with opened(path) as (text, header, shape):
        decimal = "," if shape["sep"] == ";" else "."
        kinds = {place: "str" for place in codes if place < len(header)}
        rows = pd.read_csv(text, dtype=kinds, decimal=decimal, low_memory=False, **shape)
    return cleaned(rows.set_axis(header, axis="columns"))


@contextmanager
def opened(path: Path) -> Iterator[tuple[TextIO, list[str], dict[str, Any]]]:
    """The rows of a text file, the names above them, and how pandas reads the rows."""
    separator, encoding = dialect(path)
    with gzip.open(path, "rt", encoding=encoding) if path.suffix == ".gz" else path.open(encoding=encoding) as text:
        header = next(csv.reader(text, delimiter=separator), [])
        yield text, header, {"sep": separator, "header": None, "names": range(len(header)), "index_col": False}


def cleaned(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with names and texts without spaces around them, and empty texts missing."""
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    for place, dtype in enumerate(table.dtypes):
        if isinstance(dtype, pd.CategoricalDtype):
            table.isetitem(place, table.iloc[:, place].astype(dtype.categories.dtype).array)
        if pd.api.types.is_string_dtype(table.dtypes.iloc[place]):
            column = table.iloc[:, place].astype("str").str.strip()
            table.isetitem(place, column.where(column != "").array)
    return table


def dialect(path: Path) -> tuple[str, str]:
    """Separator and encoding of a text file."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
        rest = file.read()
    if b"\0" in sample:
        raise Unreadable(f"{path}: expected text in UTF-8 or Windows-1252, got binary data: save it as CSV or Parquet")
    try:
        (sample + rest).decode("utf-8-sig")
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "cp1252"
    first = sample.decode(encoding, "replace").partition("\n")[0]
    return max(",;\t|", key=first.count), encoding


def as_times(column: "pd.Series", zone: str = "") -> "pd.Series":
    """A column as moments in UTC; texts without an offset are local times of `zone`, or UTC.

    Raises
    ------
    Unreadable
        Values of no known form, or some with an offset and some without.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return in_utc(column, zone)
    if pd.api.types.is_numeric_dtype(column):
        return in_utc(numeric_times(column), zone)
    texts = column.dropna().astype("str")
    offset = texts.str.contains(OFFSET, regex=True) & texts.str.contains(":", regex=False)
    if offset.any() and not offset.all():
        raise Unreadable(
            f"column {column.name}: {int(offset.sum()):,} values have an offset from UTC and {int((~offset).sum()):,} "
            "have none: write all with one, or all without and give ZONE"
        )
    for form in FORMATS:
        parsed = pd.to_datetime(column, format=form, utc=bool(offset.any()), errors="coerce")
        if parsed.notna().equals(column.notna()):
            return in_utc(parsed, zone)
    parsed = pd.to_datetime(texts, format="ISO8601", utc=bool(offset.any()), errors="coerce")
    bad = texts[parsed.isna()]
    raise Unreadable(
        f"column {column.name}: {len(bad):,} of {len(texts):,} values are no times, such as {bad.iloc[0]!r}"
    )


def numeric_times(column: "pd.Series") -> "pd.Series":
    """Days as 20240131, or seconds, milliseconds or microseconds since 1970."""
    values = column.dropna()
    if values.between(19000101, 21001231).all() and (values % 1 == 0).all():
        days = column.astype("Int64").astype("str")
        return pd.to_datetime(days.where(column.notna()), format="%Y%m%d", errors="coerce")
    for factor in (1, 1_000, 1_000_000):
        if values.between(3e8 * factor, 4.2e9 * factor).all():
            return pd.to_datetime(column * (1_000_000 // factor), unit="us")
    raise Unreadable(f"column {column.name}: numbers from {values.min():g} to {values.max():g} are no times")


def in_utc(times: "pd.Series", zone: str) -> "pd.Series":
    """Moments in UTC with microseconds; an hour that a clock change skips is moved forward."""
    if times.dt.tz is None:
        times = times.dt.tz_localize(zone or "UTC", ambiguous="NaT" if not zone else False, nonexistent="shift_forward")
    return times.astype("datetime64[us, UTC]")
