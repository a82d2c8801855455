"""Windows over events have an open start and a closed end."""

import numpy as np
import pytest

from pipelines.collection.events import MISSING_MINUTE, amount_between, events

pytestmark = pytest.mark.exhibit


def test_windows_are_open_at_their_start_and_closed_at_their_end():
    """An event of the very minute of the question counts; one that never happened does not."""
    happened = events(np.array([0, 0, 0, 1]), np.array([10, 20, MISSING_MINUTE, 15]), np.array([1.0, 2.0, 4.0, 8.0]))
    ask = np.array([0, 0, 0, 1, 2])
    total = amount_between(happened, ask, np.array([9, 10, 0, 0, 0]), np.array([20, 20, MISSING_MINUTE - 1, 99, 99]))
    np.testing.assert_array_equal(total, [3.0, 2.0, 3.0, 8.0, 0.0])
