"""Gate check: while an upstream feed is missing, the candidate is at least as good as what would serve instead."""

from typing import Any

from flights.config import MAX_CALIBRATION_ERROR, MAX_MISSING_FEED_ERRORS
from flights.contract import as_arrays
from flights.evaluation import metrics
from flights.model import RULE, feeds, with_missing_feed
from flights.ranking import rank
from pipelines.check import Criterion, Evidence
from pipelines.evaluation.inputs import EvaluationInputs

FEED_LIMITS = "".join(f", {limit} without {feed}" for feed, limit in MAX_MISSING_FEED_ERRORS.items())
MEASURED = ("roc_auc", "brier", "calibration_error")


def measure(inputs: EvaluationInputs) -> dict[str, Any]:
    """The candidate's metrics with each upstream feed missing."""
    columns = as_arrays(inputs.rows)
    scores = {feed: inputs.score(with_missing_feed(columns, feed)) for feed in feeds()}
    return {"missing_feeds": {feed: metrics(rank(inputs.y_true, found), MEASURED) for feed, found in scores.items()}}


def missing_feeds(evidence: Evidence) -> str:
    """Fail if the heuristic would serve better while a feed is missing."""
    measured, fallback = evidence.measured["missing_feeds"], evidence.models[RULE]
    if untried := sorted(set(feeds()) - set(measured)):
        return f"not measured without {', '.join(untried)}: run `make evaluate`"
    usual = max(MAX_CALIBRATION_ERROR, fallback["calibration_error"].value)
    return " and ".join(
        f"without {feed} ROC-AUC is {found['roc_auc']:.3f}, Brier {found['brier']:.3f}, "
        f"calibration error {found['calibration_error']:.3f}"
        for feed, found in measured.items()
        if not found["roc_auc"] >= fallback["roc_auc"].value
        or not found["brier"] <= fallback["brier"].value
        or not found["calibration_error"] <= MAX_MISSING_FEED_ERRORS.get(feed, usual)
    )


CRITERIA = (
    Criterion(
        "missing_feeds",
        "With any feed missing, it is at least as good as the heuristic "
        f"(calibration error {MAX_CALIBRATION_ERROR}{FEED_LIMITS}).",
        missing_feeds,
    ),
)
