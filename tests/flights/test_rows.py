"""Rows become columns in one place, whether they come from a request, a golden file or the log."""

import json
from datetime import datetime

import numpy as np

from flights.dataset import EVENT_TIME
from flights.predictions import timestamp
from flights.rows import as_columns, event_times
from serving.request import Flight
from tests.serving.published import naive, random_flights

NOON = datetime(2013, 11, 1, 12)  # noqa: DTZ001 - naive UTC, as NumPy keeps it


def test_datetimes_and_their_texts_give_the_same_columns():
    """Validated requests and their rows in the log: the same arrays, missing values among them."""
    rows = random_flights(50, seed=3)
    ours = as_columns([Flight.model_validate_json(json.dumps(row)).__dict__ for row in rows])
    theirs = as_columns([naive(row) for row in rows])
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values, strict=True)


def test_event_times_are_written_as_the_log_writes_them():
    """All at once or one by one, from the year 1 on."""
    moments = [NOON, NOON.replace(microsecond=7), NOON.replace(year=1), NOON.replace(year=9999)]
    assert event_times({EVENT_TIME: np.array(moments, "datetime64[us]")}) == [timestamp(each) for each in moments]
