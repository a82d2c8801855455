"""What is planted is what its name says, and nothing else of a row changes."""

import numpy as np
import pandas as pd
import pytest

from flights.contract import as_arrays
from flights.dataset import EVENT_TIME
from pipelines.extras.card import corruptions
from pipelines.extras.card.corruptions import CORRUPTIONS, FAHRENHEIT, MIXED_UP, celsius, possible, wall_clock

TOUCHED = {"Celsius": set(FAHRENHEIT), "UTC": {EVENT_TIME}, "swapped": set(MIXED_UP)}  # by the name's last word


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_only_what_is_named_changes(split_data, name):
    """Each corruption touches its own columns; the others are the very same."""
    clean = as_arrays(pd.read_parquet(next(split_data.glob("2_splits/*/holdout.parquet"))).head(100))
    corrupted = CORRUPTIONS[name](clean)
    assert {column for column in clean if corrupted[column] is not clean[column]} == TOUCHED[name.split()[-1]]


def test_freezing_is_zero_degrees_celsius():
    """32 F are 0 C, and 212 F are 100."""
    columns = {name: np.array([32.0, 212.0]) for name in FAHRENHEIT}
    for values in celsius(columns).values():
        assert values.tolist() == [0.0, 100.0]


def test_what_the_contract_does_not_allow_is_left_out(monkeypatch):
    """Without temperatures and with one number, only the clock can be wrong."""
    monkeypatch.setattr(corruptions, "FAHRENHEIT", [])
    monkeypatch.setattr(corruptions, "MIXED_UP", ("alone",))
    assert list(possible()) == ["local hour as UTC"]


@pytest.mark.exhibit
def test_the_wall_shows_four_hours_less_in_summer_and_five_in_winter():
    """New York's own time; what is missing stays missing."""
    moments = np.array(["2013-07-01T16:00", "2013-12-01T16:00", "NaT"], "datetime64[us]")
    assert wall_clock(moments).astype(str).tolist() == [
        "2013-07-01T12:00:00.000000",
        "2013-12-01T11:00:00.000000",
        "NaT",
    ]
