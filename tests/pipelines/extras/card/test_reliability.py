"""The reliability curve counts every row once, and Brier's parts add up to the Brier score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flights.evaluation import metrics
from flights.ranking import rank
from pipelines.extras.card import reliability
from pipelines.training.recalibration import expit

ROWS = 20_000


@pytest.fixture(scope="module")
def world():
    """Log-odds that are the truth, what came of them, and the days."""
    random = np.random.default_rng(0)
    odds = random.normal(-1.2, 1.2, ROWS)
    return odds, (random.random(ROWS) < expit(odds)).astype(float), np.arange(ROWS) // 400


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=50))
def test_reliability_counts_every_row_once(pairs):
    """The bins of the reliability curve partition the rows."""
    targets, probabilities = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    _, observed, size = reliability.reliability(rank(targets, probabilities))
    assert size.sum() == len(pairs)
    assert (observed * size).sum() == pytest.approx(targets.sum())


def test_briers_parts_add_up(world):
    """Reliability - resolution + uncertainty + within bins is the Brier score; a shift is all reliability."""
    odds, truth, _ = world
    honest, shifted = (rank(truth, expit(odds + shift)) for shift in (0, 1))
    parts, worse = reliability.brier_parts(honest), reliability.brier_parts(shifted)
    signs = {"reliability": 1, "resolution": -1, "uncertainty": 1, "within_bins": 1}
    assert sum(signs[name] * part for name, part in parts.items()) == pytest.approx(metrics(honest, ["brier"])["brier"])
    assert parts["reliability"] < 0.001
    assert worse["reliability"] > 0.01
    assert worse["resolution"] == pytest.approx(parts["resolution"], abs=1e-9)


def test_intervals_of_the_curve_are_wider_if_days_differ(world):
    """The observed rate of each bin is inside; injected: days that share their luck, of which there are fewer."""
    odds, truth, days = world
    rows = rank(truth, expit(odds))
    _, observed, _ = reliability.reliability(rows)
    low, high = reliability.observed_intervals(rows, days, 0)
    assert (low <= observed).all()
    assert (observed <= high).all()
    lucky = np.repeat(np.random.default_rng(1).random(50) < truth.mean(), 400).astype(float)
    wide = np.subtract(*reliability.observed_intervals(rank(lucky, expit(odds)), days, 0)[::-1])
    assert wide.mean() > 3 * (high - low).mean()
