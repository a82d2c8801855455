"""Predictions that cannot be measured are rejected."""

import numpy as np
import pytest

from flights.ranking import rank


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.1])
def test_what_is_no_probability_is_refused(bad):
    """A metric over NaN would be a silent NaN."""
    with pytest.raises(ValueError, match="finite probabilities"):
        rank(np.array([0.0, 1.0]), np.array([0.5, bad]))


def test_nothing_cannot_be_measured():
    """No rows, or rows that do not pair, are an error."""
    for targets, probabilities in (([], []), ([1.0], [0.5, 0.5])):
        with pytest.raises(ValueError, match="equally many"):
            rank(np.array(targets), np.array(probabilities))
