import numpy as np

from flights.dataset import targets
from monitoring.checks import expectations
from monitoring.checks.performance import windows
from tests.monitoring.conftest import judged, view_of
from tests.monitoring.test_outcomes import followed


def test_metrics_are_compared_by_their_intervals():
    """Within if the intervals overlap."""
    found = expectations.metrics_now(windows(followed(judged()))[-1][1])
    value = found["roc_auc"].value
    near, far = ({"value": at, "low": at - 0.01, "high": at + 0.01} for at in (value, value + 0.3))
    assert [row["within"] for row in expectations.compared({"roc_auc": near}, found)] == [True]
    assert [row["within"] for row in expectations.compared({"roc_auc": far}, found)] == [False]


def test_slices_are_compared_with_their_intervals():
    """Bands, months and small slices are left out."""
    rows = judged(rows=400)
    rows["target"] = targets(rows)
    rows["site"] = np.random.default_rng(0).choice(["x", "y", "z"], len(rows))
    near, far = {"value": 0.2, "low": 0.0, "high": 1.0}, {"value": 0.9, "low": 0.9, "high": 1.0}
    expected = [
        {"kind": "site", "name": "x", "figures": {"roc_auc": near, "brier": far}},
        {"kind": "line", "name": "rare", "figures": {"roc_auc": near}},
        {"kind": "hour", "name": "0-9 h", "figures": {"roc_auc": near}},
    ]
    found = expectations.compared_slices(expected, rows)
    assert [(row["slice"], row["metric"], row["within"]) for row in found] == [
        ("site x", "roc_auc", True),
        ("site x", "brier", False),
    ]


def test_without_outcomes_nothing_is_compared():
    """No window of outcomes: empty tables."""
    rows = followed(judged(days=2))
    assert expectations.details(view_of(rows)) == {"expectations": [], "slices": []}
