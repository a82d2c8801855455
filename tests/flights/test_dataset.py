"""The declared example is a real row, and a row's target is what the outcome says."""

import numpy as np
import pandas as pd
import pytest

from flights.artifacts import read_parquet
from flights.contract import DTYPES, TABLE, contract
from flights.dataset import KEY, targets


@pytest.mark.parametrize("column", TABLE, ids=lambda column: column.name)
def test_every_example_keeps_the_contract(column):
    """The documented flight could be sent as it is."""
    series = pd.Series([column.example])
    typed = pd.to_datetime(series) if column.kind == "time" else series
    contract((column,)).validate(pd.DataFrame({column.name: typed.astype(DTYPES[column.kind])}))


@pytest.mark.exhibit
def test_the_example_is_a_real_flight(collected):
    """Its columns belong together: it is one row of the data, to the thousandth."""
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "").set_index(KEY, drop=False)
    example = {column.name: column.example for column in TABLE}
    real = rows.loc[example[KEY]]
    for column in TABLE:
        if column.kind == "number":
            assert real[column.name] == pytest.approx(column.example, abs=0.001), column.name
        elif column.kind == "time":
            assert real[column.name] == pd.Timestamp(column.example)
        else:
            assert real[column.name] == column.example


@pytest.mark.exhibit
def test_targets():
    """Late is 15 minutes or more; a flight that never arrived has no target."""
    delays = pd.DataFrame({"arrival_delay": [14.0, 15.0, np.nan]})
    np.testing.assert_array_equal(targets(delays), [0.0, 1.0, np.nan])
