"""A batch holds all that its rows would, and becomes rows once; `tests/serving/test_batch.py` asks the service."""

import json
import sqlite3
from contextlib import closing

import numpy as np

from flights import predictions
from flights.batch import Batch, packed, spread
from flights.contract import as_columns
from flights.dataset import INPUTS
from flights.predictions import Prediction

EXAMPLE = {
    column.name: column.example.removesuffix("Z") if column.kind == "time" else column.example for column in INPUTS
}
ROWS = [EXAMPLE.copy() for _ in range(3)]
ROWS[1] |= {column.name: None for column in INPUTS if column.nullable}
PROBABILITIES = np.array([0.1, 0.5, 0.9])


def a_batch() -> Batch:
    texts, numbers = packed(as_columns(ROWS), PROBABILITIES)
    return Batch("0" * 32, "2013-11-01T00:00:00.000000Z", texts, numbers, 0.5, 1, "d" * 64)


def test_rows_come_out_as_they_went_in():
    """Numbers to the last bit, times, texts and what is missing; a probability at the threshold is an alert."""
    rows = [Prediction(*row) for row in a_batch().rows()]
    again, before = as_columns([json.loads(row.inputs) for row in rows]), as_columns(ROWS)
    for name, values in before.items():
        np.testing.assert_array_equal(again[name], values)
    assert [row.probability for row in rows] == PROBABILITIES.tolist()
    assert [row.alert for row in rows] == [False, True, True]


def test_a_batch_becomes_rows_once():
    """A second reader finds nothing left to do, and one that is named may be rows already."""
    with closing(sqlite3.connect(":memory:")) as log:
        for statement in predictions.TABLES:
            log.execute(statement)
        marks = ", ".join("?" * len(a_batch()))
        log.execute(f"INSERT INTO batches VALUES ({marks})", a_batch())
        log.commit()
        for only in (None, None, [a_batch().batch_id]):
            spread(log, "?", only)
            assert log.execute("SELECT COUNT(*) FROM predictions").fetchone() == (3,)
            assert log.execute("SELECT COUNT(*) FROM batches").fetchone() == (0,)
