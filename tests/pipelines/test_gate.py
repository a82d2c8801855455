"""Every criterion refuses the candidate that it is there for, and lets a good one pass."""

from dataclasses import replace

import pytest

from flights.evaluation import Interval
from pipelines import gate
from pipelines.gate import Evidence

GOOD = Evidence(
    metrics={"roc_auc": Interval(0.76, 0.74, 0.78), "calibration_error": Interval(0.03, 0.02, 0.04)},
    margins={
        "heuristic": {"roc_auc": Interval(0.11, 0.09, 0.13), "brier": Interval(0.02, 0.01, 0.03)},
        "champion": {"roc_auc": Interval(-0.001, -0.004, 0.002), "brier": Interval(0.0, -0.001, 0.001)},
    },
    champion=1,
    invalid_probabilities=0,
    parity=1e-15,
    rows_seen_in_training=0,
    days_after_training=1.2,
)


def with_margin(model, **margins):
    """The good evidence with other margins over one model."""
    return replace(GOOD, margins=GOOD.margins | {model: GOOD.margins[model] | margins})


def with_metric(**metrics):
    """The good evidence with other metrics."""
    return replace(GOOD, metrics=GOOD.metrics | metrics)


BAD = {
    "not a number": (replace(GOOD, invalid_probabilities=3, metrics={}), "valid"),
    "not what was trained": (replace(GOOD, parity=0.02), "portable"),
    "not comparable at all": (replace(GOOD, parity=float("nan")), "portable"),
    "trained on the holdout": (replace(GOOD, rows_seen_in_training=12), "clean_holdout"),
    "split at random": (replace(GOOD, days_after_training=-59.0), "clean_holdout"),
    "ranks like the heuristic": (with_margin("heuristic", roc_auc=Interval(0.01, -0.01, 0.03)), "beats_heuristic"),
    "estimates like the heuristic": (with_margin("heuristic", brier=Interval(0.01, 0.0, 0.02)), "beats_heuristic"),
    "knows the outcome": (with_metric(roc_auc=Interval(0.97, 0.96, 0.98)), "not_too_good"),
    "exaggerates": (with_metric(calibration_error=Interval(0.12, 0.1, 0.14)), "calibrated"),
    "worse than the champion": (with_margin("champion", roc_auc=Interval(-0.02, -0.03, -0.01)), "champion"),
    "estimates worse than it": (with_margin("champion", brier=Interval(-0.02, -0.03, -0.01)), "champion"),
}


def test_a_good_candidate_passes():
    """No criterion objects, whether there is a champion or not."""
    assert all(check.passed for check in gate.checks(GOOD))
    first = replace(GOOD, champion=None, margins={"heuristic": GOOD.margins["heuristic"]})
    assert all(check.passed for check in gate.checks(first))


@pytest.mark.parametrize(("evidence", "criterion"), BAD.values(), ids=BAD)
def test_a_bad_candidate_is_refused_for_its_own_reason(evidence, criterion):
    """Exactly the criterion that watches for it objects, and says what it found."""
    refusals = [check for check in gate.checks(evidence) if not check.passed]
    assert [check.name for check in refusals] == [criterion]
    assert refusals[0].objection


def test_every_criterion_has_a_candidate_that_it_refuses():
    """A criterion that never said no is not known to be able to."""
    assert {criterion for _, criterion in BAD.values()} == {each.name for each in gate.CRITERIA}
