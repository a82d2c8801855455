"""The request body and the batch contract are two readings of one declaration."""

import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example as known
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaError, SchemaErrors
from pydantic import ValidationError

from flights.columns import Column
from flights.contract import DTYPES, contract
from flights.dataset import EVENT_TIME, INPUTS
from serving.fields import utc
from serving.request import Flight, example

CONTRACT = contract(INPUTS)
NOON = datetime(2013, 11, 1, 12)  # noqa: DTZ001 - naive UTC, as NumPy keeps it
NAMES = [column.name for column in INPUTS]
KINDS = {column.name: column.kind for column in INPUTS}


def around(column: Column) -> st.SearchStrategy[Any]:
    """Values near what a column allows: inside, on the edge, outside, of the wrong type, missing."""
    texts = st.sampled_from([*column.categories, "UA", "ua", "IAH", "IAH\n", "", "ZZZ", "N1", "ÄÖÜ", "١٢٣", "A" * 200])
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
    if column.minimum is not None and column.maximum is not None:
        low, high = column.minimum, column.maximum
        beyond = [float(np.nextafter(low, -np.inf)), float(np.nextafter(high, np.inf))]
        numbers |= st.sampled_from([low, high, float(low), float(high), *beyond])
    times = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    likely = {"text": texts, "integer": numbers, "number": numbers, "time": times}[column.kind]
    return likely | st.none() | st.booleans() | texts | numbers


@st.composite
def almost_good(draw: st.DrawFn) -> dict[str, Any]:
    """A good row with up to two values changed, one dropped, or one added."""
    row = example()
    for column in draw(st.lists(st.sampled_from(INPUTS), max_size=2)):
        row[column.name] = draw(around(column))
    if draw(st.integers(0, 9)) == 0:
        del row[draw(st.sampled_from(NAMES))]
    if draw(st.integers(0, 9)) == 0:
        row["arrival_delay"] = 20.0
    return row


def accepted_by_the_api(row: dict[str, Any]) -> bool:
    try:
        Flight.model_validate_json(json.dumps(row))
    except ValidationError:
        return False
    return True


def accepted_by_the_contract(row: dict[str, Any]) -> bool:
    try:
        CONTRACT.validate(pd.DataFrame({name: series(name, value) for name, value in row.items()}))
    except (SchemaError, SchemaErrors):
        return False
    return True


def series(name: str, value: Any) -> "pd.Series[Any]":
    """One value as a column of the type that JSON gave it, which is the contract's type only if they agree."""
    kind = KINDS.get(name, "number")
    if kind == "time" and isinstance(value, str):
        try:
            return pd.Series([utc(value)], dtype="datetime64[us]").dt.tz_localize("UTC")
        except ValueError:
            pass
    if value is None:
        dtype = "float64" if kind == "integer" else DTYPES[kind]  # NumPy's integers know no missing value
        return pd.Series([None], dtype=dtype)
    if kind == "number" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)  # JSON has one type of number
    return pd.Series([value])


@pytest.mark.heavy
@pytest.mark.ml_test_score("O2")
@settings(max_examples=200, deadline=None)
@given(almost_good())
@known(example())
@known(example() | {"dest": "IAH\n"})
@known(example() | {"flight": True})
@known(example() | {"flight": 7.0})
@known(example() | {"distance": "7"})
@known({name: value for name, value in example().items() if name != "temperature"})
@known(example() | {"arrival_delay": 20.0})
def test_the_api_and_the_batch_contract_accept_and_refuse_the_same_rows(row: dict[str, Any]):
    """Whatever the batch contract says of a row, the service says too."""
    assert accepted_by_the_api(row) == accepted_by_the_contract(row)


def test_every_column_is_a_field_with_its_meaning_and_unit():
    """Names, order, nullability, description and unit come from the declaration."""
    assert [name for name in Flight.model_fields if name != "request_id"] == NAMES
    for column in INPUTS:
        field = Flight.model_fields[column.name]
        assert field.is_required()
        assert column.description in str(field.description)
        assert column.unit in str(field.description)


@pytest.mark.ml_test_score("O2", injects="A text is no number and a truth is no number, from JSON or from Python")
@pytest.mark.parametrize("value", ["7", True, None, "NaN"])
def test_nothing_is_coerced(value: Any):
    """A text is no number and a truth is no number, from JSON or from Python."""
    for validate in (lambda row: Flight.model_validate_json(json.dumps(row)), Flight.model_validate):
        with pytest.raises(ValidationError):
            validate(example() | {"distance": value})


def test_a_flight_is_logged_as_it_can_be_read_back():
    """The JSON of a flight holds the inputs and not the request id, with times that NumPy reads."""
    flight = Flight.model_validate_json(json.dumps(example() | {"request_id": "x"}))
    content = json.loads(flight.model_dump_json())
    assert list(content) == NAMES
    assert np.datetime64(content[EVENT_TIME]) == np.datetime64(example()[EVENT_TIME].removesuffix("Z"))
