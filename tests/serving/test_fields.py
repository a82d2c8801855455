"""Times and identities are read strictly."""

import json
from datetime import datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from flights.columns import Column
from serving.fields import BOOLEAN, field, utc
from serving.request import Flight, example

NOON = datetime(2013, 11, 1, 12)  # noqa: DTZ001 - naive UTC, as NumPy keeps it


def test_times_are_moments_whatever_their_offset():
    """The same moment written in two zones is the same input."""
    assert utc("2013-11-01T08:00:00-04:00") == utc("2013-11-01T12:00:00Z") == NOON


def test_the_pattern_of_a_request_id_fits_the_key_of_the_data():
    """The replay names its requests by the flights' keys."""
    from flights.dataset import ROW_KEY

    assert Flight.model_validate_json(json.dumps(example() | {"request_id": ROW_KEY.example})).request_id


@pytest.mark.parametrize(("sent", "read"), [("true", "True"), ("false", "False"), ('"True"', "True")])
def test_a_column_of_true_and_false_takes_json_booleans(sent, read):
    """As the text that the data have."""
    column = Column("vip", "text", "Declared", "prediction", "True", categories=BOOLEAN)
    assert TypeAdapter(field(column)[0]).validate_json(sent) == read


@pytest.mark.parametrize("sent", ["1", "0", '"yes"', '"true"', "null"])
def test_what_is_not_true_or_false_is_rejected(sent):
    """Injected: numbers, other words, and null; and JSON's true for a column of other texts."""
    column = Column("vip", "text", "Declared", "prediction", "True", categories=BOOLEAN)
    for declared, body in ((column, sent), (Column("x", "text", "", "prediction", "a", categories=("a",)), "true")):
        with pytest.raises(ValidationError):
            TypeAdapter(field(declared)[0]).validate_json(body)
