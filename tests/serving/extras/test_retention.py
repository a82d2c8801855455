"""What is too old is deleted, little by little, by a server that goes on answering."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flights.predictions import Outcome, timestamp
from flights.registry import Model
from serving.extras import retention
from serving.extras.retention import INDEXES, RUNS, Settings, delete_before, due, run_once
from serving.prediction_log import PredictionLog
from tests.serving.running import running
from tests.serving.test_batch import FLIGHTS, asked, waiting
from tests.serving.test_prediction_log import prediction


def test_what_is_too_old_is_deleted(log: PredictionLog):
    """Retention goes by when a prediction was answered and an outcome came in."""
    old = prediction("old")._replace(answered_at="2012-01-01T00:00:00.000000Z")
    log.write([[old], [prediction("new")]])
    assert delete_before(log, "2013-01-01T00:00:00.000000Z") == 1
    assert log.find("old") is None
    assert log.find("new")


def test_what_is_too_old_is_deleted_little_by_little(log: PredictionLog, monkeypatch: pytest.MonkeyPatch):
    """Never more rows at once than others may wait for; what is newer stays, and 0 says that nothing is left."""
    monkeypatch.setattr("serving.extras.retention.CHUNK_ROWS", 2)
    early = "2012-01-01T00:00:00.000000Z"
    old = [prediction(f"old-{number}")._replace(answered_at=early) for number in range(5)]
    log.write([old, [prediction("kept")]])
    log.write_outcomes([Outcome(f"old-{number}", early, float(number), early) for number in range(5)])
    deleted = []
    while not deleted or deleted[-1]:
        deleted.append(delete_before(log, "2012-02-01T00:00:00.000000Z"))
    assert deleted == [4, 4, 2, 0]
    assert log.find("kept")


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)  # PostgreSQL plans by the tables' sizes
def test_what_is_too_old_is_found_by_an_index(log: PredictionLog):
    """Or else the log would be read from end to end every hour, while predictions wait."""
    log.tables += INDEXES
    for table, moment in (("outcomes", "received_at"), ("predictions", "answered_at")):
        plan = log.rows(f"EXPLAIN QUERY PLAN SELECT rowid FROM {table} WHERE {moment} < ?", ("2014",))
        assert f"INDEX {table}_{moment}" in plan[0][-1]


def test_old_predictions_are_deleted_by_a_running_server(tmp_path: Path):
    """With a retention set, what is older is gone when the server is up; that it is everything was allowed."""

    from serving.prediction_log import PredictionLog
    from tests.serving.test_prediction_log import prediction

    log = PredictionLog(f"sqlite:///{tmp_path}/4_predictions/predictions.db")
    log.write([[prediction("from 2013")]])
    with running(tmp_path, RETENTION_DAYS="30", RETENTION_MAX_SHARE="1"):
        for _ in range(200):
            if log.find("from 2013") is None:
                break
            time.sleep(0.02)
    assert log.find("from 2013") is None
    log.close()


NOW = datetime(2026, 6, 1, tzinfo=UTC)
AGES = {  # in days: of the log's rows, and of the cutoff
    "empty": ((), 30, 0.0),
    "nothing is due": ((20, 0), 30, 0.0),
    "an hour": ((365.04, 0), 365, 0.0001),
    "a quiet month": ((40, 10), 30, 0.3333),
    "everything": ((365, 364), 30, 1.0),
    "a clock ahead that wrote nothing": ((3650 + 300, 3650), 365, 1.0),
    "a clock ahead that wrote a row": ((3650 + 300, 3650, 0), 365, 0.9076),
    "a shorter retention": ((365, 100, 0), 30, 0.9178),
}


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)  # the other one has rows of other tests
@pytest.mark.parametrize(("ages", "days", "share"), AGES.values(), ids=AGES)
def test_the_share_that_is_due(log: PredictionLog, ages: tuple[float, ...], days: float, share: float):
    """Injected: clocks that are years ahead, with a row of theirs and without; ordinary hours stay far below."""
    moments = [timestamp(NOW - timedelta(days=age)) for age in ages]
    log.write([[prediction(f"due-{at}")._replace(answered_at=at) for at in moments]])
    log.write_outcomes([Outcome(f"due-{at}", at, 1.0, at) for at in moments[1:]])
    assert due(log, NOW - timedelta(days=days))[0] == pytest.approx(share, abs=0.0001)


def test_a_server_that_would_delete_everything_stops_and_says_why(tmp_path: Path):
    """Injected: ten years between the newest row and the clock. Nothing is deleted; the log names clock and setting."""
    log = PredictionLog(f"sqlite:///{tmp_path}/4_predictions/predictions.db")
    log.write([[prediction(f"from 2013-{number}") for number in range(3)]])
    with running(tmp_path, RETENTION_DAYS="365") as server:
        for _ in range(200):
            lines = [line for line in server.log.read_text().splitlines() if "retention stopped" in line]
            if lines:
                break
            time.sleep(0.02)
        server.wait("/health/live")
    assert all(log.find(f"from 2013-{number}") for number in range(3))
    log.close()
    said = json.loads(lines[0])
    assert (said["level"], said["share"], said["limit"]) == ("error", 1.0, 0.5)
    assert "RETENTION_MAX_SHARE=1" in lines[0]


class Clock(datetime):
    """A clock that a test sets."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.ahead


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)
def test_more_than_ever_before_stops_and_says_why(log: PredictionLog, monkeypatch: pytest.MonkeyPatch, caplog):
    """Injected: clocks a week, a month and a quarter ahead, below half of the log. What was allowed is no example."""
    monkeypatch.setattr(retention, "datetime", Clock)
    log.tables.append(RUNS)
    now = datetime.now(UTC)
    names = {age: timestamp(now - timedelta(days=age)) for age in range(0, 400, 2)}
    log.write([[prediction(f"age-{age}")._replace(answered_at=at) for age, at in names.items()]])
    usual, allowed = Settings(retention_days=365), Settings(retention_days=365, retention_max_share=1)

    async def in_thread(work, *args):
        return work(*args)

    def oldest(settings: Settings, ahead: float) -> int:
        """The age of the oldest row after a run by a clock that is some days ahead."""
        Clock.ahead = timedelta(days=ahead)
        asyncio.run(run_once(in_thread, log, settings))
        return max(age for age in names if log.find(f"age-{age}"))

    assert (oldest(usual, 0), caplog.records) == (364, [])  # the first run
    assert (oldest(usual, 2.5), caplog.records) == (362, [])  # the server did not run at the weekend
    for ahead in (7, 30, 90):
        assert oldest(usual, ahead) == 362
        assert "more days than ever before: check the clock" in caplog.records.pop().message
    assert (oldest(allowed, 30), caplog.records) == (334, [])
    assert oldest(usual, 60) == 334


def test_a_batch_is_deleted_when_it_is_too_old(model: Model, log: PredictionLog):
    """Retention takes it as it would take its rows, whether they are rows or not."""
    said = asked(model, log, FLIGHTS)
    delete_before(log, said.answered_at)
    assert waiting(log) >= 1
    delete_before(log, "9999")
    assert waiting(log) == 0
