"""Metrics equal scikit-learn's, and costs are what the settings say."""

import numpy as np
import pytest
import sklearn.metrics

from flights import evaluation
from flights.config import ALERT_BUDGET, MISS_COST
from flights.evaluation import METRICS
from flights.ranking import FALSE_ALARM_COST, WeightedSample, rank, unweighted

ROWS = 3000


@pytest.fixture(scope="module")
def rows():
    """Predictions with many ties, better than chance."""
    random = np.random.default_rng(0)
    targets = (random.random(ROWS) < 0.25).astype(float)
    probabilities = np.round(np.clip(0.2 * targets + random.random(ROWS) * 0.6, 0, 1), 2)
    return rank(targets, probabilities, threshold=0.4)


def test_metrics_are_scikit_learns(rows):
    """Ours are written for resampling; the numbers are the field's."""
    ours, truth, guess = evaluation.metrics(rows), rows.targets, rows.probabilities
    assert ours["roc_auc"] == pytest.approx(sklearn.metrics.roc_auc_score(truth, guess), abs=1e-12)
    assert ours["pr_auc"] == pytest.approx(sklearn.metrics.average_precision_score(truth, guess), abs=1e-12)
    assert ours["log_loss"] == pytest.approx(sklearn.metrics.log_loss(truth, guess), abs=1e-9)
    assert ours["brier"] == pytest.approx(sklearn.metrics.brier_score_loss(truth, guess), abs=1e-12)


def test_a_weight_of_two_counts_a_row_twice(rows):
    """A resample as weights is the resample as rows."""
    weights = np.random.default_rng(1).integers(0, 4, ROWS).astype(float)
    repeated = np.repeat(np.arange(ROWS), weights.astype(int))
    twice = rank(rows.targets[repeated], rows.probabilities[repeated], rows.threshold)
    for name in set(METRICS) - {"calibration_error"}:  # its bins belong to the sample
        assert METRICS[name](WeightedSample(rows, weights)) == pytest.approx(METRICS[name](unweighted(twice)), abs=1e-9)


def test_the_budget_is_spent_on_the_riskiest():
    """With as many positives as alerts ranked on top, every alert is right."""
    count = round(1000 * ALERT_BUDGET)
    targets = np.repeat([1.0, 0.0], [count, 1000 - count])
    assert evaluation.metrics(rank(targets, np.linspace(0.9, 0.1, 1000)))["precision_at_budget"] == pytest.approx(1.0)
    flat = evaluation.metrics(rank(targets, np.full(1000, 0.1)))["precision_at_budget"]
    assert flat == pytest.approx(count / 1000)


def test_a_miss_costs_what_the_settings_say():
    """Costs are counted per 1,000 flights at the threshold."""
    targets, probabilities = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.9, 0.1])
    expected = 1000 * (MISS_COST + FALSE_ALARM_COST) / 4
    assert evaluation.metrics(rank(targets, probabilities, 0.5))["cost_per_1000"] == pytest.approx(expected)


def test_a_decision_costs_what_its_rows_cost(rows):
    """What the threshold is tuned on is the metric that is reported, per flight instead of per 1,000."""
    cost = evaluation.decision_cost(rows.targets, (rows.probabilities >= rows.threshold).astype(float))
    assert 1000 * cost == pytest.approx(evaluation.metrics(rows)["cost_per_1000"])


def test_lift_is_precision_over_the_rate(rows):
    """Alerts drawn by lot have a lift of one."""
    found = evaluation.metrics(rows)
    assert found["lift_at_budget"] == pytest.approx(found["precision_at_budget"] / rows.targets.mean())
    lot = rank(rows.targets, np.full(ROWS, 0.3))
    assert evaluation.metrics(lot)["lift_at_budget"] == pytest.approx(1.0)


def test_a_shifted_probability_is_a_calibration_error():
    """Predictions 0.1 too high are off by 0.1."""
    random = np.random.default_rng(2)
    risk = random.random(100_000) * 0.8
    targets = (random.random(100_000) < risk).astype(float)
    assert evaluation.metrics(rank(targets, risk))["calibration_error"] < 0.01
    assert evaluation.metrics(rank(targets, risk + 0.1))["calibration_error"] == pytest.approx(0.1, abs=0.01)


def test_one_class_has_no_ranking():
    """Where nobody was late, ROC-AUC is not a number, and the others are."""
    found = evaluation.metrics(rank(np.zeros(4), np.array([0.1, 0.2, 0.3, 0.4])))
    assert np.isnan(found["roc_auc"])
    assert found["brier"] > 0
