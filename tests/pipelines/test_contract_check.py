"""A row that violates the contract is rejected with all its reasons."""

import pandas as pd
import pytest

from flights.artifacts import read_parquet
from flights.contract import PERSONAL, allowed
from flights.dataset import INPUTS, ROW_KEY
from pipelines.contract_check import checked_rows

LOW = next(column for column in INPUTS if column.kind in {"integer", "number"} and column.minimum is not None)
CHOICE = next(column for column in INPUTS if column.categories)


@pytest.fixture(scope="module")
def rows(collected) -> pd.DataFrame:
    """Real rows that are valid."""
    return read_parquet(collected / "1_raw" / "valid.parquet", "")[:3000]


@pytest.mark.ml_test_score("D1", injects="two faults in one row, one in another")
def test_bad_rows_are_rejected_with_all_their_reasons(rows):
    """Planted: two faults in one row, one in another."""
    bad = rows.copy()
    bad[LOW.name] = rows[LOW.name].mask(rows.index.isin([5, 9]), LOW.minimum - 1).astype(rows[LOW.name].dtype)
    bad.loc[5, CHOICE.name] = "no such category"
    valid, rejected = checked_rows(bad)
    assert len(valid) == len(rows) - 2
    first, second = rejected["reasons"].tolist()
    assert f"{CHOICE.name}: allowed is {allowed(CHOICE)}, got no such category" in first
    assert f"{LOW.name}: allowed is {allowed(LOW)}, got" in first
    assert second.startswith(f"{LOW.name}: allowed is")


REQUIRED = [column.name for column in (ROW_KEY, *INPUTS) if not column.nullable]
NULLABLE = [column.name for column in INPUTS if column.nullable]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_value_in_a_required_column_rejects_its_row(rows, name):
    """Injected: one missing value in each required column, of every kind. Integers then arrive as floats."""
    bad = rows.head(500).copy()
    bad[name] = bad[name].astype("float64") if bad[name].dtype == "int64" else bad[name]
    bad.loc[7, name] = None
    valid, rejected = checked_rows(bad)
    assert rejected["reasons"].tolist() == [f"{name}: a value is required, got nothing"]
    pd.testing.assert_frame_equal(valid, rows.head(500).drop(7).reset_index(drop=True))


def test_a_row_keeps_its_other_reasons(rows):
    """Injected: three required values missing in one row, and a bad category in it."""
    bad = rows.head(500).astype({LOW.name: "float64"})
    bad.loc[7, [LOW.name, ROW_KEY.name]] = None
    bad.loc[7, CHOICE.name] = "no such category"
    ((reasons,),) = checked_rows(bad)[1][["reasons"]].to_numpy()
    assert {part.partition(":")[0] for part in reasons.split("; ")} >= {LOW.name, ROW_KEY.name, CHOICE.name}


@pytest.mark.parametrize("name", [NULLABLE[0], NULLABLE[-1], next((n for n in NULLABLE if n in PERSONAL), NULLABLE[1])])
def test_a_nullable_column_that_is_missing_throughout_has_its_type(rows, name):
    """Injected: a column of Parquet's null type, as a feed leaves it that was down for the whole file."""
    valid, rejected = checked_rows(rows.head(500).assign(**{name: pd.Series([None] * 500, dtype=object)}))
    assert len(rejected) == 0
    assert valid[name].dtype == rows[name].dtype


def test_duplicates_are_rejected_both(rows):
    """Planted: a row that came twice; which of the two is right nobody knows."""
    valid, rejected = checked_rows(pd.concat([rows[:1], rows], ignore_index=True))
    assert len(valid) == len(rows) - 1
    assert len(rejected) == 2
