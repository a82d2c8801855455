"""The metrics of a set of predictions, and the costs of decisions.

A metric is a function of a weighted sample. `resampling.py` gives each one a confidence interval. What success means,
in plain language, is in docs/evaluation.md; its numbers are in config.py.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.config import ALERT_BUDGET
from flights.ranking import CALIBRATION_BINS, RankedPredictions, Vector, WeightedSample, costs, unweighted

Metric = Callable[[WeightedSample], float]


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
    """Late rate among the `ALERT_BUDGET` riskiest flights, divided by the rate among all."""
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
    """Metrics of one model's predictions; all of them by default."""
    return {name: METRICS[name](unweighted(rows)) for name in names}


def decision_cost(targets: Vector, alerts: NDArray[Any]) -> float:
    """Mean cost of a decision, in false alarms: the decision threshold minimizes it."""
    return float(costs(targets, alerts).mean())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
