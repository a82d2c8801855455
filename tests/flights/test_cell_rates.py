"""The rate of a cell is counted, and a cell with few rows is close to the mean rate."""

import numpy as np
import pytest

from flights import features
from flights.cell_rates import CellRates


@pytest.fixture(autouse=True)
def towns(monkeypatch):
    """One text and one number in bands."""
    monkeypatch.setattr(features, "HEURISTIC", ("town", "hour"))
    monkeypatch.setattr(features, "HEURISTIC_BANDS", {"hour": (0, 12, 24)})


@pytest.mark.parametrize("added_rows", [0.0, 10.0, 1000.0])
def test_the_rate_of_a_cell_is_counted(added_rows):
    """Three rows of one town's mornings, all positive, among 12 with a mean rate of a half."""
    columns = {"town": np.array(["a"] * 3 + ["b"] * 9, object), "hour": np.array([9.0] * 3 + [15.0] * 9)}
    y_train = np.array([1.0] * 3 + [0.0] * 6 + [1.0] * 3)
    fitted = CellRates(added_rows).fit(columns, y_train)
    asked = {"town": np.array(["a", "a", "z"], object), "hour": np.array([9.0, 15.0, 9.0])}
    found = fitted.predict_proba(asked)
    expected = (3 + added_rows / 2) / (3 + added_rows)
    np.testing.assert_allclose(found[:, 1], [expected, 0.5, 0.5])  # the last two cells have no row
    np.testing.assert_allclose(found.sum(axis=1), 1)
