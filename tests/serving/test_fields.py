"""Times and identities are read strictly."""

import json
from datetime import datetime

from serving.fields import utc
from serving.request import Flight, example

NOON = datetime(2013, 11, 1, 12)  # noqa: DTZ001 - naive UTC, as NumPy keeps it


def test_times_are_moments_whatever_their_offset():
    """The same moment written in two zones is the same input."""
    assert utc("2013-11-01T08:00:00-04:00") == utc("2013-11-01T12:00:00Z") == NOON


def test_the_pattern_of_a_request_id_fits_the_key_of_the_data():
    """The replay names its requests by the flights' keys."""
    from flights.dataset import ROW_KEY

    assert Flight.model_validate_json(json.dumps(example() | {"request_id": ROW_KEY.example})).request_id
