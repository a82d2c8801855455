"""Intervals resample days, and two models are compared on the same days."""

import numpy as np

from flights.evaluation import METRICS
from flights.ranking import rank
from flights.resampling import Interval, intervals, margin, resampled_metrics


def test_days_not_rows_decide_the_width():
    """Equal rows of few days leave a wide interval, of many days a narrow one."""
    random = np.random.default_rng(3)
    bad_days = random.random(40) < 0.3
    targets = np.repeat(bad_days, 50).astype(float)
    rows = rank(targets, np.full(2000, 0.3))

    def width(days):
        draws = resampled_metrics(rows, days, resamples=200)["brier"]
        return np.ptp(np.quantile(draws, [0.025, 0.975]))

    assert width(np.repeat(np.arange(40), 50)) > 3 * width(np.arange(2000))


def test_the_same_seed_draws_the_same_days():
    """Two models are compared on the same resamples, so a model's margin over itself is exactly zero."""
    random = np.random.default_rng(0)
    rows = rank((random.random(3000) < 0.25).astype(float), np.round(random.random(3000), 2))
    days = np.arange(3000) // 100
    one, two = (resampled_metrics(rows, days, seed=5, resamples=50) for _ in range(2))
    for name in METRICS:
        assert margin(name, 0.5, 0.5, one[name], two[name]) == Interval(0, 0, 0)


def test_a_margin_is_positive_where_we_are_better():
    """A lower Brier score is better, a higher ROC-AUC is better."""
    lower, higher = np.array([0.1, 0.1]), np.array([0.2, 0.2])
    assert margin("brier", 0.1, 0.2, lower, higher).low > 0
    assert margin("roc_auc", 0.1, 0.2, lower, higher).high < 0


def test_an_interval_reads_as_text():
    """Reports print value and limits."""
    assert str(Interval(0.7, 0.65, 0.75)) == "0.700 [0.650, 0.750]"
    assert set(intervals({"brier": 0.1}, {"brier": np.array([0.1, 0.2])})) == {"brier"}
