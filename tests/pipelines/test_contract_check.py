"""A row that violates the contract is rejected with all its reasons."""

import pandas as pd
import pytest

from flights.artifacts import read_parquet
from pipelines.contract_check import checked_rows


@pytest.fixture(scope="module")
def rows(collected) -> pd.DataFrame:
    """Real rows that are valid."""
    return read_parquet(collected / "1_raw" / "valid.parquet", "")[:3000]


def test_bad_rows_are_rejected_with_all_their_reasons(rows):
    """Planted: two faults in one row, one in another."""
    bad = rows.copy()
    bad.loc[5, ["carrier", "distance"]] = ["ZZ", -1.0]
    bad.loc[9, "dest"] = "bos"
    valid, rejected = checked_rows(bad)
    assert len(valid) == len(rows) - 2
    reasons = rejected["reasons"].tolist()
    assert reasons[0].startswith("carrier: allowed is one of 9E")
    assert "; distance: allowed is 10 to 6000" in reasons[0]
    assert reasons[1] == "dest: allowed is text like ^[A-Z]{3}$, got bos"


def test_duplicates_are_rejected_both(rows):
    """Planted: a row that came twice; which of the two is right nobody knows."""
    valid, rejected = checked_rows(pd.concat([rows[:1], rows], ignore_index=True))
    assert len(valid) == len(rows) - 1
    assert len(rejected) == 2
