"""Predictions in falling order, with row weights: the form in which every metric is computed.

A resample of days is a new weight vector over rows that were sorted once.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.config import MISS_COST

Vector = NDArray[np.float64]

FALSE_ALARM_COST = 1.0  # the unit that costs are counted in
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class RankedPredictions:
    """One model's predictions in falling order, computed once for all resamples.

    `order` holds each row's place before sorting, `ends` the last positions of runs of equal probability, `bins` the
    equal-mass calibration bin of each row.
    """

    targets: Vector
    probabilities: Vector
    threshold: float
    order: NDArray[np.intp]
    ends: NDArray[np.intp]
    bins: NDArray[np.intp]

    @cached_property
    def log_loss_terms(self) -> Vector:
        """Negative log-likelihood of each outcome, in nats."""
        likelihood = np.where(self.targets == 1, self.probabilities, 1 - self.probabilities)
        return np.asarray(-np.log(np.clip(likelihood, 1e-15, 1)))

    @cached_property
    def cost(self) -> Vector:
        """Cost of each decision, in false alarms."""
        return costs(self.targets, self.probabilities >= self.threshold)


@dataclass(frozen=True)
class WeightedSample:
    """Ranked rows with a weight for each: how often it counts."""

    rows: RankedPredictions
    weights: Vector

    @cached_property
    def counts(self) -> tuple[Vector, Vector]:
        """Late flights, and all flights, at or above each distinct probability."""
        late, every = np.cumsum(self.weights * self.rows.targets), np.cumsum(self.weights)
        return (late, every) if len(self.rows.ends) == len(every) else (late[self.rows.ends], every[self.rows.ends])

    def mean(self, values: Vector) -> float:
        """Mean of one value a row."""
        return float(self.weights @ values) / float(self.weights.sum())


def rank(targets: Vector, probabilities: Vector, threshold: float = 0.5) -> RankedPredictions:
    """Prepare predictions for the metrics."""
    if targets.shape != probabilities.shape or targets.size == 0:
        raise ValueError(f"expected equally many targets and probabilities, got {targets.shape}, {probabilities.shape}")
    if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities <= 1).all()):
        raise ValueError("expected finite probabilities from 0 to 1")
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(order) - 1)
    edges = np.quantile(probabilities, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1])
    return RankedPredictions(
        targets[order], falling, threshold, order, ends, np.searchsorted(edges, falling, side="left")
    )


def unweighted(rows: RankedPredictions) -> WeightedSample:
    """Each row with the weight 1."""
    return WeightedSample(rows, np.ones(len(rows.targets)))


def costs(targets: Vector, alerts: NDArray[Any]) -> Vector:
    """Cost of each decision, in false alarms."""
    return np.where(alerts.astype(bool), FALSE_ALARM_COST * (1 - targets), MISS_COST * targets)
