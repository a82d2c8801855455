"""A word is found wherever it is, in every format, and only where it is alone."""

import gzip
import json
import sqlite3
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from extras.privacy.scan import traces

WORD = "N12345"


def parquet(path: Path) -> None:
    pd.DataFrame({"id": range(300), "note": ["a"] * 150 + [f"got {WORD} here"] + ["b"] * 149}).to_parquet(path)


def sqlite(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE log (inputs TEXT)")
    database.execute("INSERT INTO log VALUES (?)", [json.dumps({"tailnum": WORD})])
    database.commit()
    database.close()


def deleted_from_sqlite(path: Path) -> None:
    """Deleted, and still in the file's bytes: SQLite does not overwrite by itself."""
    sqlite(path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA secure_delete = OFF")
    database.execute("DELETE FROM log")
    database.commit()
    database.close()


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("schema.json", json.dumps({"known": [WORD] * 50}))


@pytest.mark.ml_test_score("D5", injects="In the file, with the place in it; elsewhere nothing is found")
@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (parquet, "column note"),
        (sqlite, "table log, column inputs"),
        (deleted_from_sqlite, "in its bytes"),
        (archive, "member schema.json"),
        (lambda path: path.write_text(json.dumps({"tail": WORD})), "in its bytes"),
        (lambda path: path.write_text(f"<td>{WORD}</td>"), "in its bytes"),
        (lambda path: path.write_bytes(gzip.compress(f"<td>{WORD}</td>".encode())), "unpacked"),
    ],
    ids=["parquet", "sqlite", "deleted", "zip", "json", "html", "gzip"],
)
def test_a_planted_word_is_found(tmp_path: Path, plant, place: str):
    """In the file, with the place in it; next to it nothing is found."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "clean.txt").write_text("nothing")
    plant(tmp_path / "deep" / "er" / "file")
    found = list(traces(tmp_path, [WORD, "another"]))
    assert place in {trace.place for trace in found}
    assert {trace.file.name for trace in found} == {"file"}


def test_a_name_of_a_file_counts(tmp_path: Path):
    """A report named after a subject gives it away."""
    (tmp_path / f"{WORD}.html").touch()
    assert [trace.place for trace in traces(tmp_path, [WORD])] == ["in its name"]


def test_part_of_a_longer_word_does_not_count(tmp_path: Path):
    """N123 is not N12345, and what is in quotes or next to punctuation is."""
    (tmp_path / "a.txt").write_text(f"x{WORD} {WORD}9 {WORD}A")
    assert list(traces(tmp_path, [WORD])) == []
    (tmp_path / "b.txt").write_text(f'"{WORD}",')
    assert len(list(traces(tmp_path, [WORD]))) == 1
