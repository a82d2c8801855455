"""Readers see every prediction and outcome once, and change nothing."""

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from flights.batch import Batch, packed
from flights.dataset import INPUTS, OUTCOME
from flights.log_reader import (
    count,
    counted_outcomes,
    engine,
    logged_prediction,
    logged_predictions,
    newest_event,
    parsed,
)
from flights.predictions import TABLES, Outcome, Prediction, add
from flights.rows import as_columns

EXAMPLE = {column.name: column.example for column in INPUTS}


@pytest.fixture
def log(tmp_path: Path):
    opened = engine(f"sqlite:///{tmp_path}/new/folder/predictions.db")
    yield opened
    opened.dispose()


def prediction(name: str, event_time: str) -> Prediction:
    return Prediction(name, "2013-11-01T08:00:00.000000Z", event_time, '{"carrier": "UA"}', 0.25, False, 0.3, 1, "ab")


def outcome(name: str, known_at: str, delay: float | None, received_at: str) -> Outcome:
    return Outcome(name, known_at, delay, received_at)


def test_predictions_come_back_by_event_time(log: sa.Engine):
    """The window takes its start and leaves its end, and the bulky inputs come only on request."""
    add(log, [prediction(f"r{hour}", f"2013-11-01T{hour:02}:00:00.000000Z") for hour in (12, 10, 11)])
    rows = logged_predictions(log, since="2013-11-01T10", until="2013-11-01T12")
    assert rows["request_id"].tolist() == ["r10", "r11"]
    assert "inputs" not in rows
    assert rows["event_time"].iloc[0] == pd.Timestamp("2013-11-01T10:00Z")
    assert rows["alert"].dtype == bool
    assert [parsed(text) for text in logged_predictions(log, inputs=True)["inputs"]] == [{"carrier": "UA"}] * 3


def test_the_outcome_known_latest_counts(log: sa.Engine):
    """Twice, out of order, corrected and withdrawn: every prediction counts once, in its latest version."""
    add(
        log,
        [
            outcome("corrected", "2013-11-01T15:00Z", 20, "1"),
            outcome("corrected", "2013-11-01T14:00Z", 10, "2"),
            outcome("tie", "2013-11-01T14:00Z", 10, "3"),
            outcome("tie", "2013-11-01T14:00Z", 12, "4"),
            outcome("withdrawn", "2013-11-01T14:00Z", 10, "5"),
            outcome("withdrawn", "2013-11-01T15:00Z", None, "6"),
            outcome("unreadable", "yesterday", 10, "7"),
        ],
    )
    rows = counted_outcomes(log)
    assert dict(zip(rows["request_id"], rows[OUTCOME], strict=True)) == {"corrected": 20, "tie": 12}


def test_a_correction_counts_from_when_it_is_known(log: sa.Engine):
    """Looked at from before, the first version counts; when there first was an outcome does not change by it."""
    add(log, [outcome("a", "2013-11-01T14:00Z", 10, "1"), outcome("a", "2013-11-03T14:00Z", 20, "2")])
    for day, value in ((2, 10), (4, 20)):
        rows = counted_outcomes(log, now=pd.Timestamp(f"2013-11-0{day}T00:00Z"))
        assert rows[OUTCOME].tolist() == [value]
        assert rows["known_at"].tolist() == [pd.Timestamp("2013-11-01T14:00Z")]
    assert counted_outcomes(log, now=pd.Timestamp("2013-11-01T00:00Z")).empty
    assert counted_outcomes(log, since="2013-11-04").empty


def test_the_newest_event_is_one_that_somebody_plans(log: sa.Engine):
    """Planted: an event in 2099 and one that is no moment; both are passed over."""
    assert newest_event(log, timedelta(days=7)) is None
    times = ["2013-11-01T10:00:00.000000Z", "2013-11-01T12:00:00.000000Z", "2099-01-01T00:00:00.000000Z", "yesterday"]
    answered = "2013-11-01T08:00:00.000000Z"
    add(log, [prediction(f"r{time}", time)._replace(answered_at=answered) for time in times])
    assert newest_event(log, timedelta(days=7)) == datetime(2013, 11, 1, 12, tzinfo=UTC)
    assert newest_event(log, timedelta(days=7), until="2013-11-01T11") == datetime(2013, 11, 1, 10, tzinfo=UTC)
    assert (count(log), count(log, since="2013-11-01T11", until="2014")) == (4, 1)


def test_unreadable_inputs_become_an_empty_row():
    """One torn row does not stop the monitor."""
    assert [parsed(text) for text in ('{"a": 1}', '{"a"', "[1]")] == [{"a": 1}, {}, {}]


def batch(name: str, hour: int) -> Batch:
    """Three flights of one moment, as one row of the log."""
    times = {column.name: f"2013-11-01T{hour:02}:00:00" for column in INPUTS if column.kind == "time"}
    columns = as_columns([EXAMPLE | times] * 3)
    texts, numbers = packed(columns, np.array([0.1, 0.5, 0.9]))
    return Batch(name * 32, "2013-11-01T08:00:00.000000Z", texts, numbers, 0.5, 1, "d" * 64)


def test_batches_are_read_like_rows_and_stay_what_they_are(log: sa.Engine):
    """By window, by name, counted and newest; the file is the same bytes afterwards, and again the second time."""
    add(log, [prediction("r11", "2013-11-01T11:00:00.000000Z")])
    marks = ", ".join(f":{name}" for name in Batch._fields)
    with log.begin() as connection:
        for each in (batch("a", 10), batch("b", 12)):
            connection.execute(sa.text(f"INSERT INTO batches VALUES ({marks})"), each._asdict())
    before = Path(str(log.url.database)).read_bytes()
    for _ in range(2):
        rows = logged_predictions(log, inputs=True, since="2013-11-01T10", until="2013-11-01T12")
        assert rows["request_id"].tolist() == [*batch("a", 10).request_ids(), "r11"]
        assert rows["alert"].tolist() == [False, True, True, False]
        assert len(parsed(rows["inputs"].iloc[0])) == len(INPUTS)
        assert (count(log), count(log, since="2013-11-01T12")) == (7, 3)
        assert logged_prediction(log, "a" * 32 + "-1") == Prediction(*batch("a", 10).rows()[1])
        assert logged_prediction(log, "a" * 32 + "-3") is None
        assert newest_event(log, timedelta(days=7)) == datetime(2013, 11, 1, 12, tzinfo=UTC)
    assert len(logged_predictions(log, every=2)) < 7
    log.dispose()
    assert Path(str(log.url.database)).read_bytes() == before


def test_a_log_that_nobody_wrote_is_empty_and_not_made(tmp_path: Path):
    """Neither its folder nor its tables are made by a reader."""
    unwritten = engine(f"sqlite:///{tmp_path}/none/predictions.db")
    assert logged_predictions(unwritten).empty
    assert counted_outcomes(unwritten).empty
    assert (count(unwritten), newest_event(unwritten, timedelta(days=7))) == (0, None)
    assert logged_prediction(unwritten, "a") is None
    assert list(tmp_path.iterdir()) == []


READ = """
import os, sys
import pandas
from flights.log_reader import count, counted_outcomes, engine, logged_predictions
count(engine("sqlite:////no/log"))  # imports what it needs, which another user may not read
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
log = engine(f"sqlite:///{sys.argv[1]}")
print(count(log), len(logged_predictions(log)), len(counted_outcomes(log)))
"""


@pytest.mark.parametrize("state", ["written to", "closed", "closed, the folder alone"])
def test_a_log_that_may_only_be_read_is_read(tmp_path: Path, state: str):
    """Injected: another user's process, which may make no file next to the log, while it is written to and later."""
    folder = tmp_path / "4_predictions"
    folder.mkdir()
    file = folder / "predictions.db"
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    writer = sqlite3.connect(file)
    writer.execute("PRAGMA journal_mode = WAL")
    for statement in TABLES:
        writer.execute(statement)
    place = ", ".join("?" * len(Prediction._fields))
    writer.execute(f"INSERT INTO predictions VALUES ({place})", prediction("r1", "2013-11-01T10:00:00.000000Z"))
    writer.commit()
    if state != "written to":
        writer.close()
        assert [each.name for each in folder.iterdir()] == ["predictions.db"]
    for each in folder.iterdir() if state != "closed, the folder alone" else ():
        each.chmod(0o444)
    folder.chmod(0o555)
    path = os.pathsep.join(each for each in sys.path if each)
    command = [sys.executable, "-c", READ, file]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=False)
    folder.chmod(0o755)
    writer.close()
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 1 0\n", "")
