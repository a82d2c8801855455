"""A large request is one row of the log, and nobody who reads it can tell: the same rows, once each, by every way."""

import json
from contextlib import closing

import numpy as np

from flights.batch import Batch
from flights.contract import PERSONAL
from flights.dataset import EVENT_TIME
from flights.log_reader import engine, logged_prediction
from flights.predictions import Prediction
from flights.registry import Model
from flights.rows import as_columns
from serving.answer import Answers, answer, batch_json
from serving.prediction_log import Conflict, PredictionLog
from serving.request import Flight, example
from tests.declared import BY_NAME
from tests.serving.published import UNSEEN, random_flights
from tests.serving.test_scorer import a_scorer, all_at_once

FLIGHTS = [*random_flights(60, seed=5), example() | UNSEEN]
FLIGHTS[0] |= {EVENT_TIME: "2013-11-02T01:56:00.000123Z"} | {name: BY_NAME[name].example for name in PERSONAL}


def asked(model: Model, log: PredictionLog, flights: list[dict]) -> Batch | list[Prediction]:
    """The answer to one request."""
    (said,) = all_at_once(a_scorer(model, log), [[Flight.model_validate_json(json.dumps(each)) for each in flights]])
    return said


def waiting(log: PredictionLog) -> int:
    """How many batches are no rows yet."""
    return log.rows("SELECT COUNT(*) FROM batches", ())[0][0]


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
        opened = engine(log.url)
        assert [logged_prediction(opened, row.request_id) for row in rows] == rows
        opened.dispose()


def test_the_answer_is_the_one_that_its_rows_would_get(model: Model, log: PredictionLog):
    """What is written by hand reads as what the response model writes."""
    said = asked(model, log, FLIGHTS)
    expected = Answers(predictions=[answer(Prediction(*row)) for row in said.rows()])
    assert Answers.model_validate_json(batch_json(said)) == expected
    assert {each.alert for each in expected.predictions} == {True, False}


def test_a_row_of_it_is_asked_for_again_by_its_name(model: Model, log: PredictionLog):
    """The logged answer, as of any other; the name is for one flight, and it is still there once."""
    said = asked(model, log, FLIGHTS)
    name, first = said.request_ids()[7], Prediction(*said.rows()[7])
    (row,) = asked(model, log, [FLIGHTS[7] | {"request_id": name}])
    assert row == first
    changed = first._replace(inputs="{}")
    assert isinstance(log.write([[changed]])[0], Conflict)
    assert log.write([said]) == [said]  # as where the database answered too late that it was written
    log.close()
    opened = engine(log.url)
    assert logged_prediction(opened, said.request_ids()[8])
    opened.dispose()
    assert log.rows("SELECT 1 FROM predictions WHERE request_id LIKE ?", (f"{said.batch_id}-%",)) == []
    assert log.rows("SELECT COUNT(*) FROM batches WHERE batch_id = ?", (said.batch_id,)) == [(1,)]
