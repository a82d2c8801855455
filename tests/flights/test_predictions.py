"""The log's shape is the same for the server that writes it and the monitor that reads it."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from flights.dataset import OUTCOME
from flights.predictions import (
    Outcome,
    Prediction,
    add,
    count,
    counted_outcomes,
    engine,
    logged_predictions,
    newest_event,
    parsed_inputs,
)
from flights.predictions import timestamp as stamp


@pytest.fixture
def log(tmp_path: Path):
    opened = engine(f"sqlite:///{tmp_path}/new/folder/predictions.db")
    yield opened
    opened.dispose()


def prediction(name: str, event_time: str) -> Prediction:
    return Prediction(name, "2013-11-01T08:00:00.000000Z", event_time, '{"carrier": "UA"}', 0.25, False, 0.3, 1, "ab")


def outcome(name: str, known_at: str, delay: float | None, received_at: str) -> Outcome:
    return Outcome(name, known_at, delay, received_at)


def test_timestamps_of_one_width_sort_as_they_read():
    """A whole second, a fraction and another zone become text of one width, in UTC."""
    whole = datetime(2013, 11, 1, 10, tzinfo=UTC)
    moments = [whole, whole + timedelta(microseconds=1), (whole + timedelta(hours=1)).astimezone(timezone.max)]
    texts = [stamp(moment) for moment in moments]
    assert texts == sorted(texts)
    assert texts[0] == "2013-11-01T10:00:00.000000Z" == stamp(whole.replace(tzinfo=None))


def test_predictions_come_back_by_event_time(log: sa.Engine):
    """The window takes its start and leaves its end, and the bulky inputs come only on request."""
    add(log, [prediction(f"r{hour}", f"2013-11-01T{hour:02}:00:00.000000Z") for hour in (12, 10, 11)])
    rows = logged_predictions(log, since="2013-11-01T10", until="2013-11-01T12")
    assert rows["request_id"].tolist() == ["r10", "r11"]
    assert "inputs" not in rows
    assert rows["event_time"].iloc[0] == pd.Timestamp("2013-11-01T10:00Z")
    assert rows["alert"].dtype == bool
    assert parsed_inputs(logged_predictions(log, inputs=True)["inputs"]) == [{"carrier": "UA"}] * 3


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
    assert parsed_inputs(pd.Series(['{"a": 1}', '{"a"', "[1]"])) == [{"a": 1}, {}, {}]
