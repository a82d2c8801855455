"""The contract rejects wrong rows, one by one and as a whole, and never repairs them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from flights import contract as contract_module
from flights.artifacts import read_parquet
from flights.columns import Column, DeclarationError
from flights.contract import allowed, as_arrays, contract, schema_digest
from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOMES, ROW_KEY
from flights.rows import as_columns

Corruption = Callable[[pd.DataFrame], pd.DataFrame]

BOUNDED = next(column for column in INPUTS if column.kind == "number" and column.maximum is not None)
WHOLE = next(column for column in INPUTS if column.kind == "integer")
CHOICE = next(column for column in INPUTS if column.categories)


def changed(name: str, value: Any) -> Corruption:
    """Another value, or function of the values, in one column."""
    return lambda rows: rows.assign(**{name: value(rows[name]) if callable(value) else value})


CORRUPTIONS: dict[str, Corruption] = {
    "a fraction in an integer column": changed(WHOLE.name, lambda values: values + 0.7),
    "a number as text": changed(BOUNDED.name, lambda values: values.astype("str")),
    "yes and no as numbers": changed(BOUNDED.name, lambda values: values > 5),
    "a number for a code": changed(CHOICE.name, 4.9),
    "every row twice": lambda rows: rows.loc[rows.index.repeat(2)].reset_index(drop=True),
    "rows out of time order": lambda rows: rows[::-1].reset_index(drop=True),
    "local times without a zone": changed(EVENT_TIME, lambda times: times.dt.tz_localize(None)),
    "an unknown category": changed(CHOICE.name, "no such category"),
    "a key of another pattern": changed(KEY, lambda keys: " " + keys),
    "a missing category": changed(CHOICE.name, lambda codes: codes.mask(codes.notna())),
    "a number above its range": changed(BOUNDED.name, (BOUNDED.maximum or 0.0) + 1),
    "an infinite number": changed(BOUNDED.name, np.inf),
    "a column too many": lambda rows: rows.assign(no_such_column=20.0),
    "a column too few": lambda rows: rows.drop(columns=BOUNDED.name),
}


@pytest.fixture(scope="module")
def rows(collected) -> pd.DataFrame:
    """Real rows that keep the contract."""
    return read_parquet(collected / "1_raw" / "valid.parquet", "")[:2000]


@pytest.mark.ml_test_score("D1", injects="one corruption of real rows that are accepted without it")
@pytest.mark.parametrize("fault", CORRUPTIONS)
def test_the_contract_refuses(rows, fault):
    """Planted: one corruption of real rows that are accepted without it."""
    contract().validate(rows, lazy=True)
    with pytest.raises(SchemaErrors):
        contract().validate(CORRUPTIONS[fault](rows), lazy=True)


@pytest.mark.ml_test_score("D1")
def test_the_contract_changes_nothing(rows):
    """What comes out is what went in, to the type."""
    pd.testing.assert_frame_equal(contract().validate(rows, lazy=True), rows)


def test_a_filtering_contract_drops_outcomes(rows):
    """The outcome columns of a row never pass the contract of the inputs."""
    seen = contract(INPUTS, strict="filter").validate(rows)
    assert list(seen.columns) == [column.name for column in INPUTS]


def test_arrays_are_plain(rows):
    """Text is objects with None for missing, an integer stays one, time is UTC without a zone."""
    text = next(column.name for column in INPUTS if column.kind == "text")
    arrays = as_arrays(rows.assign(**{text: pd.Series(None, index=rows.index, dtype="str")}))
    assert set(arrays[text]) == {None}
    assert all(arrays[column.name].dtype == np.int64 for column in INPUTS if column.kind == "integer")
    assert arrays[EVENT_TIME].dtype == np.dtype("datetime64[us]")
    assert arrays[EVENT_TIME][0] == rows[EVENT_TIME].iloc[0].to_datetime64()


def test_the_schema_digest_follows_the_contract():
    """Another limit is another contract."""
    changed = (replace(INPUTS[0], categories=("only",)), *INPUTS[1:])
    assert schema_digest(INPUTS) == schema_digest(INPUTS)
    assert schema_digest(changed) != schema_digest(INPUTS)


def test_allowed_in_words():
    """A column without limits allows any value."""
    column = Column("place", "text", "Where", "timetable", "BOS")
    assert allowed(column) == "any"
    assert allowed(replace(column, pattern=r"^[A-Z]{3}$")) == "text like ^[A-Z]{3}$"


def test_rows_of_plain_values_are_the_same_columns(rows):
    """Rows as JSON has them, and the frame that they come from, give equal arrays of equal types."""
    expected = as_arrays(rows[:50])
    names = list(expected)
    plain = [dict(zip(names, values, strict=True)) for values in zip(*expected.values(), strict=True)]
    for name, values in as_columns(plain).items():
        assert values.dtype == expected[name].dtype
        np.testing.assert_array_equal(values, expected[name])


def test_a_location_is_optional(monkeypatch):
    """An empty LOCATION says that there is no place column; a wrong one is still named."""
    monkeypatch.setattr(contract_module, "LOCATION", "")
    assert contract_module.table(ROW_KEY, INPUTS, OUTCOMES)
    monkeypatch.setattr(contract_module, "LOCATION", "nowhere")
    with pytest.raises(DeclarationError, match="LOCATION is `nowhere`"):
        contract_module.table(ROW_KEY, INPUTS, OUTCOMES)
