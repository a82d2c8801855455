"""The probability check counts what is not a probability, whatever it is."""

import numpy as np
import pytest

from pipelines.evaluation.inputs import ModelScores


@pytest.mark.parametrize("bad", [float("nan"), -0.001, 1.001, float("inf")])
def test_invalid_probabilities_are_counted(bad):
    """Injected: one value among good ones."""
    assert ModelScores(np.array([0.0, 0.5, bad, 1.0]), 0.5).invalid == 1
    assert ModelScores(np.array([0.0, 0.5, 1.0]), 0.5).invalid == 0
