"""A row that violates the contract is rejected with all its reasons."""

import pandas as pd
import pytest

from flights.artifacts import read_parquet
from flights.contract import allowed
from flights.dataset import INPUTS
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


def test_duplicates_are_rejected_both(rows):
    """Planted: a row that came twice; which of the two is right nobody knows."""
    valid, rejected = checked_rows(pd.concat([rows[:1], rows], ignore_index=True))
    assert len(valid) == len(rows) - 1
    assert len(rejected) == 2
