"""Metrics equal scikit-learn's, intervals resample days, and nothing invalid is measured."""

import numpy as np
import pytest
import sklearn.metrics

from flights import evaluation
from flights.evaluation import METRICS, Interval, WeightedSample, rank, unweighted

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


@pytest.mark.exhibit
def test_the_budget_is_spent_on_the_riskiest():
    """With one late flight in ten ranked on top, every alert is right."""
    targets = np.repeat([1.0, 0.0], [10, 90])
    assert evaluation.metrics(rank(targets, np.linspace(0.9, 0.1, 100)))["precision_at_budget"] == pytest.approx(1.0)
    assert evaluation.metrics(rank(targets, np.full(100, 0.1)))["precision_at_budget"] == pytest.approx(0.1)


def test_a_miss_costs_what_the_settings_say():
    """Costs are counted per 1,000 flights at the threshold."""
    targets, probabilities = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.9, 0.1])
    expected = 1000 * (evaluation.MISS_COST + evaluation.FALSE_ALARM_COST) / 4
    assert evaluation.metrics(rank(targets, probabilities, 0.5))["cost_per_1000"] == pytest.approx(expected)


def test_a_decision_costs_what_its_rows_cost(rows):
    """What the threshold is tuned on is the metric that is reported, per flight instead of per 1,000."""
    cost = evaluation.decision_cost(rows.targets, (rows.probabilities >= rows.threshold).astype(float))
    assert 1000 * cost == pytest.approx(evaluation.metrics(rows)["cost_per_1000"])


def test_the_threshold_is_the_cheapest_of_all(rows):
    """No other threshold costs less on the rows that it was chosen on."""
    chosen = evaluation.cost_threshold(rows.targets, rows.probabilities)

    def cost(threshold):
        return evaluation.metrics(rank(rows.targets, rows.probabilities, threshold))["cost_per_1000"]

    assert cost(chosen) == min(cost(threshold) for threshold in np.unique(rows.probabilities))


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


def test_days_not_rows_decide_the_width():
    """Equal rows of few days leave a wide interval, of many days a narrow one."""
    random = np.random.default_rng(3)
    bad_days = random.random(40) < 0.3
    targets = np.repeat(bad_days, 50).astype(float)
    rows = rank(targets, np.full(2000, 0.3))

    def width(days):
        draws = evaluation.resampled_metrics(rows, days, resamples=200)["brier"]
        return np.ptp(np.quantile(draws, [0.025, 0.975]))

    assert width(np.repeat(np.arange(40), 50)) > 3 * width(np.arange(2000))


def test_the_same_seed_draws_the_same_days(rows):
    """Two models are compared on the same resamples, so a model's margin over itself is exactly zero."""
    days = np.arange(ROWS) // 100
    one, two = (evaluation.resampled_metrics(rows, days, seed=5, resamples=50) for _ in range(2))
    for name in METRICS:
        assert evaluation.margin(name, 0.5, 0.5, one[name], two[name]) == Interval(0, 0, 0)


def test_a_margin_is_positive_where_we_are_better():
    """A lower Brier score is better, a higher ROC-AUC is better."""
    lower, higher = np.array([0.1, 0.1]), np.array([0.2, 0.2])
    assert evaluation.margin("brier", 0.1, 0.2, lower, higher).low > 0
    assert evaluation.margin("roc_auc", 0.1, 0.2, lower, higher).high < 0


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


def test_one_class_has_no_ranking():
    """Where nobody was late, ROC-AUC is not a number, and the others are."""
    found = evaluation.metrics(rank(np.zeros(4), np.array([0.1, 0.2, 0.3, 0.4])))
    assert np.isnan(found["roc_auc"])
    assert found["brier"] > 0


def test_an_interval_reads_as_text():
    """Reports print value and limits."""
    assert str(Interval(0.7, 0.65, 0.75)) == "0.700 [0.650, 0.750]"
    assert set(evaluation.intervals({"brier": 0.1}, {"brier": np.array([0.1, 0.2])})) == {"brier"}
