"""A large request is one row of the log, and nobody who reads it can tell: the same rows, once each, by every way."""

import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest

from flights import batch
from flights.batch import Batch
from flights.predictions import Outcome, Prediction, count, engine, logged_prediction
from flights.registry import Model, as_columns
from serving.answer import Answers, answer, batch_json
from serving.prediction_log import Conflict, PredictionLog
from serving.request import Flight, example
from tests.serving.postgres import MISSING, Postgres, postgres
from tests.serving.published import UNSEEN, random_flights
from tests.serving.running import ROOT
from tests.serving.test_scorer import a_scorer, all_at_once

pytestmark = pytest.mark.exhibit

FLIGHTS = [*random_flights(60, seed=5), example() | {"dest": UNSEEN}]
FLIGHTS[0] |= {"scheduled_departure": "2013-11-02T01:56:00.000123Z", "tailnum": "N14228"}


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PredictionLog]:
    """A log of each kind."""
    if request.param == "postgresql" and MISSING:
        pytest.skip(MISSING)
    database = request.param == "postgresql" and request.getfixturevalue("database")
    opened = PredictionLog(database.url if database else f"sqlite:///{tmp_path}/predictions.db")
    yield opened
    opened.close()


def asked(model: Model, log: PredictionLog, flights: list[dict]) -> Batch | list[Prediction]:
    """The answer to one request."""
    (said,) = all_at_once(a_scorer(model, log), [[Flight.model_validate_json(json.dumps(each)) for each in flights]])
    return said


def waiting(log: PredictionLog) -> int:
    """How many batches are no rows yet."""
    return log._rows("SELECT COUNT(*) FROM batches", ())[0][0]


def test_its_rows_are_those_that_single_requests_would_have(model: Model, log: PredictionLog):
    """Inputs to the letter, with missing values, times and pseudonyms, and the decision; scored again it agrees."""
    together = asked(model, log, FLIGHTS)
    assert isinstance(together, Batch)
    alone = [asked(model, log, [each])[0] for each in FLIGHTS]
    rows = [Prediction(*row) for row in together.rows()]
    same = ("event_time", "inputs", "alert", "threshold", "model_version", "model_digest", "served_by")
    for name in same:
        assert [getattr(row, name) for row in rows] == [getattr(row, name) for row in alone]
    again = model.score(as_columns([json.loads(row.inputs) for row in rows]))
    assert np.abs(again - together.probabilities()).max() <= 1e-9
    assert min(row.latency_us for row in rows) > 0
    with closing(log):
        opened = engine(log._url)
        assert [logged_prediction(opened, row.request_id) for row in rows] == rows
        opened.dispose()
    assert waiting(log) == 0


def test_the_answer_is_the_one_that_its_rows_would_get(model: Model, log: PredictionLog):
    """What is written by hand reads as what the response model writes."""
    said = asked(model, log, FLIGHTS)
    expected = Answers(predictions=[answer(Prediction(*row)) for row in said.rows()])
    assert Answers.model_validate_json(batch_json(said)) == expected
    assert {each.alert for each in expected.predictions} == {True, False}


def test_it_is_counted_and_told_like_its_rows(model: Model, log: PredictionLog, caplog: pytest.LogCaptureFixture):
    """One request of so many flights in the metrics, and one line of the server's log from its first to its last."""
    scorer = a_scorer(model, log)
    scorer._log_requests = 1
    with caplog.at_level(logging.INFO, "serving"):
        (said,) = all_at_once(scorer, [[Flight.model_validate_json(json.dumps(each)) for each in FLIGHTS]])
    lines = scorer._metrics.text().decode().splitlines()
    assert f'predictions_total{{model_version="1",served_by="champion"}} {len(FLIGHTS)}.0' in lines
    assert f"prediction_batch_rows_sum {len(FLIGHTS)}.0" in lines
    (line,) = [record.__dict__ for record in caplog.records if record.message == "answered"]
    assert (line["request_id"], line["last_request_id"]) == (said.names()[0], said.names()[-1])
    assert (line["rows"], line["served_by"]) == (len(FLIGHTS), "champion")


def test_small_requests_and_named_flights_have_their_rows_at_once(model: Model, log: PredictionLog):
    """One name of the client's is enough, and so is a request of few flights."""
    named = [*FLIGHTS[1:], FLIGHTS[0] | {"request_id": "named"}]
    for flights in (FLIGHTS[:19], named):
        rows = asked(model, log, flights)
        assert log.find(rows[0].request_id) == rows[0]
    assert isinstance(asked(model, log, FLIGHTS[:20]), Batch)


def test_a_row_of_it_is_asked_for_again_by_its_name(model: Model, log: PredictionLog):
    """The logged answer, as of any other; the name stands for one flight, and it is still there once."""
    said = asked(model, log, FLIGHTS)
    name, first = said.names()[7], Prediction(*said.rows()[7])
    (row,) = asked(model, log, [FLIGHTS[7] | {"request_id": name}])
    assert row == first
    changed = first._replace(inputs="{}")
    assert isinstance(log.write([[changed]])[0], Conflict)
    assert len(log._rows("SELECT 1 FROM predictions WHERE request_id = ?", (name,))) == 1
    assert log.write([said]) == [said]  # as where the database answered too late that it was written
    opened = engine(log._url)
    assert logged_prediction(opened, said.names()[8])
    assert len(log._rows("SELECT 1 FROM predictions WHERE request_id LIKE ?", (f"{said.batch_id}-%",))) == len(FLIGHTS)
    opened.dispose()


def test_its_outcomes_are_known_and_its_subjects_forgotten(model: Model, log: PredictionLog):
    """An outcome of its row is no unknown one; who is forgotten goes with that row only."""
    said = asked(model, log, FLIGHTS)
    outcome = Outcome(said.names()[3], "2013-11-01T14:00:00.000000Z", 20.0, "2013-11-01T14:00:00.000000Z")
    assert log.write_outcomes([outcome, outcome._replace(request_id="nobody-3")]) == (0, 1)
    subject = json.loads(Prediction(*said.rows()[0]).inputs)["tailnum"]
    assert said.names()[0] in log.about("tailnum", subject)
    assert log.forget("tailnum", subject) >= 1
    assert log.find(said.names()[0]) is None
    assert log.about("tailnum", subject) == []
    others = [row for row in said.rows() if json.loads(row[3])["tailnum"] != subject]
    assert log.find(others[0][0]) == Prediction(*others[0])


def test_it_is_deleted_when_it_is_too_old(model: Model, log: PredictionLog):
    """Retention takes it as it would take its rows, whether they are rows or not."""
    said = asked(model, log, FLIGHTS)
    log.delete_before(said.answered_at)
    assert waiting(log) >= 1
    log.delete_before("9999")
    assert waiting(log) == 0


def test_readers_at_the_same_time_make_each_row_once(model: Model, log: PredictionLog):
    """Four of them open the log at once: no row is missing, none is there twice, nobody fails."""
    names = [name for _ in range(5) for name in asked(model, log, FLIGHTS).names()]
    failures: list[Exception] = []

    def read() -> None:
        try:
            engine(log._url).dispose()
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert failures == []
    there = [name for (name,) in log._rows("SELECT request_id FROM predictions", ())]
    assert sorted(name for name in there if name in set(names)) == sorted(names)
    assert waiting(log) == 0


KILLED = """
import os, signal, sqlite3, sys
from flights import batch
class Killed(sqlite3.Connection):
    def commit(self):
        os.kill(os.getpid(), signal.SIGKILL)
batch.spread(sqlite3.connect(sys.argv[1], factory=Killed), "?")
"""


def test_a_reader_that_is_killed_leaves_it_whole(model: Model, tmp_path: Path):
    """Killed between its rows and the commit: it is still one batch, and the next reader makes all of its rows."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    said = asked(model, log, FLIGHTS)
    path = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "predictions.db")], env=path, check=False)
    assert killed.returncode == -9
    assert (waiting(log), log.find(said.names()[0])) == (1, None)
    opened = engine(log._url)
    assert count(opened) == len(FLIGHTS)
    opened.dispose()
    log.close()


def test_without_the_transaction_a_killed_reader_loses_it(model: Model, tmp_path: Path):
    """The positive control: with each statement committed by itself the same kill leaves neither batch nor rows."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    said = asked(model, log, FLIGHTS)
    log.close()

    class Killed(sqlite3.Connection):
        def cursor(self, *_):
            return super().cursor(Stopped)

    class Stopped(sqlite3.Cursor):
        def executemany(self, *_):
            raise KeyboardInterrupt

    careless = sqlite3.connect(tmp_path / "predictions.db", isolation_level=None, factory=Killed)
    with pytest.raises(KeyboardInterrupt), closing(careless):
        batch.spread(careless, "?")
    assert (waiting(log), log.find(said.names()[0])) == (0, None)
    log.close()


def test_over_http_both_routes_answer_alike(server, plain_server):
    """FastAPI's own way and the lean one: the same words for a large request."""
    said = [httpx.post(f"{each.url}/predict/batch", json={"flights": FLIGHTS[1:]}) for each in (server, plain_server)]
    lean, plain = [[row | {"request_id": ""} for row in each.json()["predictions"]] for each in said]
    assert lean == plain
    assert len(lean) == len(FLIGHTS) - 1
    assert {each.headers["content-type"] for each in said} == {"application/json"}
