"""Each period is predicted by one model, from the newest origin before it."""

from itertools import pairwise

import pytest

from extras.evidence import backtest, fits
from flights.model import CANDIDATE

pytestmark = pytest.mark.exhibit


def test_every_flight_is_predicted_by_the_newest_model_of_its_cadence():
    """The periods of each cadence follow one another without a gap, from the first day to the last."""
    start, end = fits.backtest_period()
    for periods in fits.schedules().values():
        assert (periods[0][0], periods[-1][1]) == (start, end)
        assert all(before[1] == after[0] for before, after in pairwise(periods))
    origins = [task.origin for task in backtest.tasks() if task.model == CANDIDATE]
    assert len(origins) == len(set(origins)) == 47
