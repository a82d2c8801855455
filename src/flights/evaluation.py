"""How good a set of predictions is, and how sure we are of it.

Flights of one day are not independent, so every interval resamples days, not rows; two models are compared on the same
resampled days. A metric is a function of weighed rows: a resample is a new weight vector over rows sorted once.

What success means, in plain language, is in docs/success.md; its numbers are in config.py.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.config import ALERT_BUDGET, MISS_COST

Vector = NDArray[np.float64]

FALSE_ALARM_COST = 1.0  # the unit that costs are counted in
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
class RankedPredictions:
    """One model's predictions in falling order: what every metric needs, computed once for all resamples.

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
        """What each decision cost, in false alarms."""
        return costs(self.targets, self.probabilities >= self.threshold)


@dataclass(frozen=True)
class WeightedSample:
    """Sorted rows, each counted so many times."""

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


Metric = Callable[[WeightedSample], float]


def costs(targets: Vector, alerts: NDArray[Any]) -> Vector:
    """What each decision cost, in false alarms."""
    return np.where(alerts.astype(bool), FALSE_ALARM_COST * (1 - targets), MISS_COST * targets)


def cost_threshold(targets: Vector, probabilities: Vector) -> float:
    """The decision threshold with the lowest cost on these rows, where there are answers and no estimator to tune."""
    rows = rank(targets, probabilities)
    hits, alerts = unweighted(rows).counts
    total = FALSE_ALARM_COST * (alerts - hits) + MISS_COST * (hits[-1] - hits)
    return float(rows.probabilities[rows.ends][np.argmin(total)])


def decision_cost(targets: Vector, alerts: NDArray[Any]) -> float:
    """Mean cost of some decisions, in false alarms: what the decision threshold is tuned to lower."""
    return float(costs(targets, alerts).mean())


def rank(targets: Vector, probabilities: Vector, threshold: float = 0.5) -> RankedPredictions:
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
    falling = probabilities[order]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(order) - 1)
    edges = np.quantile(probabilities, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1])
    return RankedPredictions(
        targets[order], falling, threshold, order, ends, np.searchsorted(edges, falling, side="left")
    )


def unweighted(rows: RankedPredictions) -> WeightedSample:
    """Every row counted once."""
    return WeightedSample(rows, np.ones(len(rows.targets)))


def roc_auc(sample: WeightedSample) -> float:
    """Probability that a late flight is ranked above a punctual one; ties count half."""
    hits, alerts = sample.counts
    false_alarms = alerts - hits
    twice = hits[0] * false_alarms[0] + (hits[1:] + hits[:-1]) @ np.diff(false_alarms)
    return _ratio(float(twice) / 2, float(hits[-1] * false_alarms[-1]))


def pr_auc(sample: WeightedSample) -> float:
    """Average precision: the area under the precision-recall steps."""
    hits, alerts = sample.counts
    precision = hits / np.maximum(alerts, 1e-300)
    return _ratio(float(np.diff(hits, prepend=0.0) @ precision), float(hits[-1]))


def log_loss(sample: WeightedSample) -> float:
    """Mean negative log-likelihood, in nats."""
    return sample.mean(sample.rows.log_loss_terms)


def brier(sample: WeightedSample) -> float:
    """Mean squared difference of probability and outcome."""
    return sample.mean((sample.rows.probabilities - sample.rows.targets) ** 2)


def calibration_error(sample: WeightedSample) -> float:
    """Expected calibration error over equal-mass bins: mean distance of the predicted from the observed rate."""
    rows = sample.rows
    gaps = np.bincount(rows.bins, sample.weights * (rows.probabilities - rows.targets), CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / sample.weights.sum())


def precision_at_budget(sample: WeightedSample) -> float:
    """Share of late flights among the `ALERT_BUDGET` riskiest."""
    hits, alerts = sample.counts
    budget = ALERT_BUDGET * alerts[-1]
    first = np.searchsorted(alerts, budget)  # interpolate between the runs on both sides of the budget
    before = (alerts[first - 1], hits[first - 1]) if first else (0.0, 0.0)
    share = (budget - before[0]) / (alerts[first] - before[0])
    return float((before[1] + share * (hits[first] - before[1])) / budget)


def lift_at_budget(sample: WeightedSample) -> float:
    """How many times more often the `ALERT_BUDGET` riskiest are late than all flights."""
    return _ratio(precision_at_budget(sample), sample.mean(sample.rows.targets))


def cost_per_1000(sample: WeightedSample) -> float:
    """Cost of misses and false alarms at the decision threshold, in false alarms per 1,000 flights."""
    return 1000 * sample.mean(sample.rows.cost)


METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (
        roc_auc,
        pr_auc,
        log_loss,
        brier,
        calibration_error,
        precision_at_budget,
        lift_at_budget,
        cost_per_1000,
    )
}
HIGHER_IS_BETTER = frozenset({"roc_auc", "pr_auc", "precision_at_budget", "lift_at_budget"})


def metrics(rows: RankedPredictions, names: Collection[str] = tuple(METRICS)) -> dict[str, float]:
    """Metrics of one model's predictions, by default every one."""
    return {name: METRICS[name](unweighted(rows)) for name in names}


def day_draws(days: NDArray[Any], seed: int, resamples: int = RESAMPLES) -> Vector:
    """How often each day counts in each resampled set of days, shape `(resamples, distinct days)`.

    Parameters
    ----------
    days
        The day of each row, shape `(rows,)`.
    """
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

    Parameters
    ----------
    days
        The day of each row in the order before sorting, shape `(rows,)`.
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
    """One figure with its percentile interval."""
    low, high = np.nanquantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high))


def margin(name: str, ours: float, theirs: float, our_draws: Vector, their_draws: Vector) -> Interval:
    """By how much we are better than they in one metric; positive is better whichever way the metric points."""
    sign = 1 if name in HIGHER_IS_BETTER else -1
    return interval(sign * (ours - theirs) + 0.0, sign * (our_draws - their_draws) + 0.0)  # no -0.000


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
