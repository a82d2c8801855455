"""The contract rejects wrong rows, one by one and as a whole, and never repairs them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from flights.artifacts import read_parquet
from flights.contract import allowed, as_arrays, contract, schema_digest
from flights.dataset import INPUTS
from flights.rows import as_columns

Corruption = Callable[[pd.DataFrame], pd.DataFrame]

CORRUPTIONS: dict[str, Corruption] = {
    "a fraction in an integer column": lambda rows: rows.assign(flight=rows["flight"] + 0.7),
    "a number as text": lambda rows: rows.assign(distance=rows["distance"].astype("str")),
    "yes and no as numbers": lambda rows: rows.assign(visibility=rows["visibility"] > 5),
    "a number for a code": lambda rows: rows.assign(carrier=4.9),
    "every row twice": lambda rows: rows.loc[rows.index.repeat(2)].reset_index(drop=True),
    "rows out of time order": lambda rows: rows[::-1].reset_index(drop=True),
    "local times without a zone": lambda rows: rows.assign(
        scheduled_departure=rows["scheduled_departure"].dt.tz_localize(None)
    ),
    "an unknown carrier": lambda rows: rows.assign(carrier="ZZ"),
    "an airport in small letters": lambda rows: rows.assign(dest=rows["dest"].str.lower()),
    "a missing origin": lambda rows: rows.assign(origin=pd.Series(None, index=rows.index, dtype="str")),
    "wind of 1,048 mph": lambda rows: rows.assign(wind_speed=1048.36),
    "an infinite delay": lambda rows: rows.assign(arrival_delay_4h_all=np.inf),
    "a column too many": lambda rows: rows.assign(wind_gust=20.0),
    "a column too few": lambda rows: rows.drop(columns="humidity"),
}


@pytest.fixture(scope="module")
def rows(collected) -> pd.DataFrame:
    """Real rows that keep the contract."""
    return read_parquet(collected / "1_raw" / "valid.parquet", "")[:2000]


@pytest.mark.parametrize("fault", CORRUPTIONS)
def test_the_contract_refuses(rows, fault):
    """Planted: one corruption of real rows that are accepted without it."""
    contract().validate(rows, lazy=True)
    with pytest.raises(SchemaErrors):
        contract().validate(CORRUPTIONS[fault](rows), lazy=True)


def test_the_contract_changes_nothing(rows):
    """What comes out is what went in, to the type."""
    pd.testing.assert_frame_equal(contract().validate(rows, lazy=True), rows)


def test_a_filtering_contract_drops_outcomes(rows):
    """The outcome columns of a row never pass the contract of the inputs."""
    seen = contract(INPUTS, strict="filter").validate(rows)
    assert list(seen.columns) == [column.name for column in INPUTS]


def test_arrays_are_plain(rows):
    """Text is objects with None for missing, an integer stays one, time is UTC without a zone."""
    arrays = as_arrays(rows.assign(tailnum=pd.Series(None, index=rows.index, dtype="str")))
    assert set(arrays["tailnum"]) == {None}
    assert arrays["flight"].dtype == np.int64
    assert arrays["scheduled_departure"].dtype == np.dtype("datetime64[us]")
    assert arrays["scheduled_departure"][0] == rows["scheduled_departure"].iloc[0].to_datetime64()


def test_the_schema_digest_follows_the_contract():
    """Another limit is another contract."""
    changed = (replace(INPUTS[0], categories=("UA",)), *INPUTS[1:])
    assert schema_digest(INPUTS) == schema_digest(INPUTS)
    assert schema_digest(changed) != schema_digest(INPUTS)


def test_allowed_in_words():
    """A column without limits allows any value."""
    assert allowed(replace(INPUTS[0], categories=())) == "any"
    assert allowed(INPUTS[3]) == "text like ^[A-Z]{3}$"


def test_rows_of_plain_values_are_the_same_columns(rows):
    """Rows as JSON has them, and the frame that they come from, give equal arrays of equal types."""
    expected = as_arrays(rows[:50])
    names = list(expected)
    plain = [dict(zip(names, values, strict=True)) for values in zip(*expected.values(), strict=True)]
    for name, values in as_columns(plain).items():
        assert values.dtype == expected[name].dtype
        np.testing.assert_array_equal(values, expected[name])
