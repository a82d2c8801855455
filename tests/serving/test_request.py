"""The request body and the batch contract are two readings of one declaration."""

import json
import re
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

from flights.dataset import DTYPES, EVENT_TIME, INPUTS, Column, contract
from flights.predictions import timestamp
from flights.registry import as_columns
from serving.request import Flight, Flights, columns, event_times, example, has_repeated_keys, utc
from tests.serving.published import naive, random_flights

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


def test_times_are_moments_whatever_their_offset():
    """The same moment written in two zones is the same input."""
    assert utc("2013-11-01T08:00:00-04:00") == utc("2013-11-01T12:00:00Z") == NOON


def test_a_flight_is_logged_as_it_can_be_read_back():
    """The JSON of a flight holds the inputs and not the request id, with times that NumPy reads."""
    flight = Flight.model_validate_json(json.dumps(example() | {"request_id": "x"}))
    content = json.loads(flight.model_dump_json())
    assert list(content) == NAMES
    assert np.datetime64(content[EVENT_TIME]) == np.datetime64(example()[EVENT_TIME].removesuffix("Z"))


@pytest.mark.exhibit
def test_columns_are_those_of_the_library():
    """The service's own way to columns gives the same arrays as the library's, missing values among them."""
    rows = random_flights(50, seed=3)
    ours = columns([Flight.model_validate_json(json.dumps(row)) for row in rows])
    theirs = as_columns([naive(row) for row in rows])
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values, strict=True)


def test_event_times_are_written_as_the_log_writes_them():
    """All at once or one by one, from the year 1 on."""
    moments = [NOON, NOON.replace(microsecond=7), NOON.replace(year=1), NOON.replace(year=9999)]
    assert event_times({EVENT_TIME: np.array(moments, "datetime64[us]")}) == [timestamp(each) for each in moments]


@given(st.dictionaries(st.sampled_from([*NAMES, "request_id"]), st.integers(0, 3), min_size=1))
def test_a_key_given_twice_is_found(times: dict[str, int]):
    """Counting quotation marks finds exactly the bodies with a key too many."""
    row = example() | {"request_id": "x"}
    extra = [f"{json.dumps(name)}: {json.dumps(row[name])}" for name, count in times.items() for _ in range(count)]
    raw = ("{" + ", ".join([json.dumps(row)[1:-1], *extra]) + "}").encode()
    flight = Flight.model_validate_json(raw)
    assert (raw.count(b'"') != flight.quotes()) == has_repeated_keys(raw) == bool(extra)


@pytest.mark.exhibit
def test_a_batch_counts_its_quotation_marks():
    """A batch and its flights together account for every key and text."""
    raw = json.dumps({"flights": [example(), example() | {"tailnum": None}, example() | {"request_id": "x"}]}).encode()
    assert Flights.model_validate_json(raw).quotes() == raw.count(b'"')


def test_the_pattern_of_a_request_id_fits_the_key_of_the_data():
    """The replay names its requests by the flights' keys."""
    from flights.dataset import ROW_KEY
    from serving.request import IDENTITY

    assert re.fullmatch(IDENTITY, str(ROW_KEY.example))
