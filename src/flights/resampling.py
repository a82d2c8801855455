"""Confidence intervals of metrics, by resampling whole days: rows of one day are not independent.

Two models are compared on the same resampled days.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.evaluation import HIGHER_IS_BETTER, METRICS
from flights.ranking import RankedPredictions, Vector, WeightedSample

RESAMPLES = 500
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % confidence limits."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def day_draws(days: NDArray[Any], seed: int, resamples: int = RESAMPLES) -> Vector:
    """How often each day counts in each resampled set of days, shape `(resamples, distinct days)`."""
    count = len(np.unique(days))
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    return np.stack([np.bincount(draw, minlength=count) for draw in draws]).astype(np.float64)


def resampled_metrics(
    rows: RankedPredictions,
    days: NDArray[Any],
    seed: int = 0,
    resamples: int = RESAMPLES,
    names: Collection[str] = tuple(METRICS),
) -> dict[str, Vector]:
    """Metrics on resampled days; the same days and seed give the same resamples for another model.

    `days` has the day of each row in the order before sorting.
    """
    _, day = np.unique(days, return_inverse=True)
    day = day[rows.order]
    samples = (WeightedSample(rows, counts[day]) for counts in day_draws(days, seed, resamples))
    drawn = np.array([[METRICS[name](sample) for name in names] for sample in samples])
    return dict(zip(names, drawn.T, strict=True))


def intervals(values: Mapping[str, float], resampled: Mapping[str, Vector]) -> dict[str, Interval]:
    """Each metric's value with its percentile interval over the resamples."""
    return {name: interval(value, resampled[name]) for name, value in values.items()}


def interval(value: float, resampled: Vector) -> Interval:
    """One value with its percentile interval."""
    low, high = np.nanquantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high))


def margin(name: str, ours: float, theirs: float, our_draws: Vector, their_draws: Vector) -> Interval:
    """Difference of one metric between two models; positive means that the first is better, for every metric."""
    sign = 1 if name in HIGHER_IS_BETTER else -1
    return interval(sign * (ours - theirs) + 0.0, sign * (our_draws - their_draws) + 0.0)  # no -0.000
