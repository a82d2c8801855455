"""How good a set of predictions is, how sure we are of it, and which criteria a candidate must meet.

Flights of one day are not independent, so every interval resamples days, not rows; two models are compared on the same
resampled days. A metric is a function of row weights, so that a resample is a new weight vector over rows sorted once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.config import ALERT_BUDGET, MISS_COST

Vector = NDArray[np.float64]

FALSE_ALARM_COST = 1.0
CALIBRATION_BINS = 10
RESAMPLES = 500
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure with the limits between which it lies in 95 % of the resampled sets of days."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Sorted:
    """One model's predictions in falling order: what every metric needs, computed once for all resamples.

    `order` sorts rows by falling probability, `ends` are the last positions of runs of equal probability, `bins` the
    equal-mass calibration bin of each row (in the original order).
    """

    targets: Vector
    probabilities: Vector
    threshold: float
    order: NDArray[np.intp]
    ends: NDArray[np.intp]
    bins: NDArray[np.intp]


Metric = Callable[[Sorted, Vector], float]


def sort(targets: Vector, probabilities: Vector, threshold: float = 0.5) -> Sorted:
    """Prepare predictions for the metrics.

    Raises
    ------
    ValueError
        Lengths differ, there are no rows, or a probability is not a finite number from 0 to 1.
    """
    if targets.shape != probabilities.shape or targets.size == 0:
        raise ValueError(f"expected equally many targets and probabilities, got {targets.shape}, {probabilities.shape}")
    if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities <= 1).all()):
        raise ValueError("expected finite probabilities from 0 to 1")
    order = np.argsort(-probabilities, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probabilities[order])), len(order) - 1)
    edges = np.quantile(probabilities, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1])
    return Sorted(targets, probabilities, threshold, order, ends, np.searchsorted(edges, probabilities, side="left"))


def roc_auc(rows: Sorted, weights: Vector) -> float:
    """Probability that a late flight is ranked above a punctual one; ties count half."""
    hits, alerts = _cumulated(rows, weights)
    false_alarms = alerts - hits
    area = np.trapezoid(np.append(0.0, hits), np.append(0.0, false_alarms))
    return _ratio(float(area), float(hits[-1] * false_alarms[-1]))


def pr_auc(rows: Sorted, weights: Vector) -> float:
    """Average precision: the area under the precision-recall steps."""
    hits, alerts = _cumulated(rows, weights)
    precision = np.divide(hits, alerts, out=np.zeros_like(hits), where=alerts > 0)
    return _ratio(float(np.sum(np.diff(hits, prepend=0.0) * precision)), float(hits[-1]))


def log_loss(rows: Sorted, weights: Vector) -> float:
    """Mean negative log-likelihood, in nats."""
    likelihood = np.where(rows.targets == 1, rows.probabilities, 1 - rows.probabilities)
    return float(np.average(-np.log(np.clip(likelihood, 1e-15, 1)), weights=weights))


def brier(rows: Sorted, weights: Vector) -> float:
    """Mean squared difference of probability and outcome."""
    return float(np.average((rows.probabilities - rows.targets) ** 2, weights=weights))


def calibration_error(rows: Sorted, weights: Vector) -> float:
    """Expected calibration error over equal-mass bins: mean distance of the predicted from the observed rate."""
    gaps = np.bincount(rows.bins, weights * (rows.probabilities - rows.targets), CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def precision_at_budget(rows: Sorted, weights: Vector) -> float:
    """Share of late flights among the `ALERT_BUDGET` riskiest."""
    hits, alerts = _cumulated(rows, weights)
    budget = ALERT_BUDGET * alerts[-1]
    return float(np.interp(budget, np.append(0.0, alerts), np.append(0.0, hits)) / budget)


def cost_per_1000(rows: Sorted, weights: Vector) -> float:
    """Cost of misses and false alarms at the decision threshold, in false alarms per 1,000 flights."""
    alert = rows.probabilities >= rows.threshold
    cost = np.where(alert, FALSE_ALARM_COST * (1 - rows.targets), MISS_COST * rows.targets)
    return 1000 * float(np.average(cost, weights=weights))


METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (roc_auc, pr_auc, log_loss, brier, calibration_error, precision_at_budget, cost_per_1000)
}
HIGHER_IS_BETTER = frozenset({"roc_auc", "pr_auc", "precision_at_budget"})


def metrics(rows: Sorted) -> dict[str, float]:
    """Every metric of one model's predictions."""
    return {name: metric(rows, np.ones(len(rows.targets))) for name, metric in METRICS.items()}


def resampled_metrics(rows: Sorted, days: NDArray[Any], seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Vector]:
    """Every metric on resampled days; the same days and seed give the same resamples for another model.

    Parameters
    ----------
    days
        The day of each row, shape `(rows,)`.
    """
    _, day = np.unique(days, return_inverse=True)
    count = int(day.max()) + 1
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    weights = [np.bincount(draw, minlength=count)[day].astype(np.float64) for draw in draws]
    return {name: np.array([metric(rows, weight) for weight in weights]) for name, metric in METRICS.items()}


def intervals(values: Mapping[str, float], resampled: Mapping[str, Vector]) -> dict[str, Interval]:
    """Each metric's value with its percentile interval over the resamples."""
    return {name: interval(value, resampled[name]) for name, value in values.items()}


def interval(value: float, resampled: Vector) -> Interval:
    """One figure with its percentile interval."""
    low, high = np.nanquantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high))


def margin(name: str, ours: float, theirs: float, our_draws: Vector, their_draws: Vector) -> Interval:
    """By how much we are better than they in one metric; positive is better whichever way the metric points."""
    sign = 1 if name in HIGHER_IS_BETTER else -1
    return interval(sign * (ours - theirs), sign * (our_draws - their_draws))


def cost_threshold(targets: Vector, probabilities: Vector) -> float:
    """The decision threshold with the lowest cost on these rows (validation, never the holdout)."""
    rows = sort(targets, probabilities)
    hits, alerts = _cumulated(rows, np.ones(len(targets)))
    costs = FALSE_ALARM_COST * (alerts - hits) + MISS_COST * (hits[-1] - hits)
    return float(probabilities[rows.order][rows.ends][np.argmin(costs)])


def reliability(rows: Sorted) -> tuple[Vector, Vector, Vector]:
    """Mean prediction, observed rate and number of rows of each calibration bin that has any."""
    size = np.bincount(rows.bins, minlength=CALIBRATION_BINS)
    some = size > 0
    predicted = np.bincount(rows.bins, rows.probabilities, CALIBRATION_BINS)[some] / size[some]
    observed = np.bincount(rows.bins, rows.targets, CALIBRATION_BINS)[some] / size[some]
    return predicted, observed, size[some].astype(np.float64)


def _cumulated(rows: Sorted, weights: Vector) -> tuple[Vector, Vector]:
    """Late flights, and all flights, at or above each distinct probability."""
    ordered = weights[rows.order]
    hits = np.cumsum(ordered * rows.targets[rows.order])[rows.ends]
    return hits, np.cumsum(ordered)[rows.ends]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
