"""Scan: every place in a folder that still holds a word, in Parquet, SQLite, zip, gzip, JSON or any other file.

Only whole words count: N123 is not found in N1234.
"""

import gzip
import re
import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

MIN_DIGITS, MIN_LETTERS = 8, 4  # of a word that is not in texts by chance


@dataclass(frozen=True)
class Trace:
    """One place that holds the word."""

    file: Path
    place: str


def traces(folder: Path, words: Sequence[str]) -> Iterator[Trace]:
    """Every trace of any of the words, file by file; names of files count too."""
    alone = as_word(*words)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for place in dict.fromkeys(places(file, alone)):
            yield Trace(file, place)


def as_word(*words: str) -> re.Pattern[bytes]:
    """A pattern for any of the words, as a whole word."""
    return re.compile(
        rb"(?<![A-Za-z0-9])(" + b"|".join(re.escape(word.encode()) for word in words) + rb")(?![A-Za-z0-9])"
    )


def is_distinctive(word: str) -> bool:
    """Whether a word is that of a subject wherever it is found: 100 is in every page."""
    return len(word) >= (MIN_DIGITS if word.isdecimal() else MIN_LETTERS)


def places(file: Path, alone: re.Pattern[bytes]) -> Iterator[str]:
    """Where in one file: in its bytes, its name, and in what a reader of its format would see."""
    content = file.read_bytes()
    if alone.search(content):
        yield "in its bytes"
    if alone.search(file.name.encode()):
        yield "in its name"
    if content.startswith(b"PAR1"):
        yield from parquet_places(file, alone)
    elif content.startswith(b"SQLite format 3\x00"):
        yield from sqlite_places(file, alone)
    elif content.startswith(b"PK\x03\x04"):
        yield from zip_places(file, alone)
    elif content.startswith(b"\x1f\x8b") and alone.search(gzip.decompress(content)):
        yield "unpacked"


def parquet_places(file: Path, alone: re.Pattern[bytes]) -> Iterator[str]:
    """Columns of a Parquet file; its pages are compressed, so its bytes do not show them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    for name in table.column_names:
        kind = table[name].type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            rows = sum(bool(alone.search(str(text).encode())) for text in table[name].unique().to_pylist())
            if rows:
                yield f"column {name}"


def sqlite_places(file: Path, alone: re.Pattern[bytes]) -> Iterator[str]:
    """Columns of a SQLite file, and of what its write-ahead log adds."""
    with closing(sqlite3.connect(file)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - the file's own names
            names = [column[0] for column in rows.description]
            for row in rows:
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, str | bytes) and alone.search(
                        value.encode() if isinstance(value, str) else value
                    ):
                        yield f"table {table}, column {name}"


def zip_places(file: Path, alone: re.Pattern[bytes]) -> Iterator[str]:
    """Members of an archive; scikit-learn's models are such."""
    with zipfile.ZipFile(file) as archive:
        for member in archive.namelist():
            if alone.search(archive.read(member)):
                yield f"member {member}"
