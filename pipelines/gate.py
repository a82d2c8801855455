"""The gate: what a candidate must show before it may serve. Few criteria, each a sentence, each able to refuse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flights.config import LARGEST_CALIBRATION_ERROR, SUSPICIOUS_ROC_AUC
from flights.evaluation import Interval
from flights.portable import TOLERANCE


@dataclass(frozen=True)
class Evidence:
    """What evaluation found out about a candidate on the holdout."""

    metrics: Mapping[str, Interval]  # the candidate's
    margins: Mapping[str, Mapping[str, Interval]]  # by model and metric; positive: the candidate is better
    champion: int | None
    invalid_probabilities: int
    parity: float  # largest difference between the portable form and scikit-learn's probabilities
    rows_seen_in_training: int
    days_after_training: float  # from the last row that training knew to the first of the holdout


@dataclass(frozen=True)
class Criterion:
    """One reason to refuse: a sentence for people, and a function that returns what is wrong, or nothing."""

    name: str
    sentence: str
    objection: Callable[[Evidence], str]


@dataclass(frozen=True)
class Check:
    """What one criterion said."""

    name: str
    sentence: str
    objection: str

    @property
    def passed(self) -> bool:
        """Whether the criterion had no objection."""
        return not self.objection


def checks(evidence: Evidence) -> list[Check]:
    """Ask every criterion; without valid probabilities there is nothing to ask the others about."""
    asked = CRITERIA[:1] if evidence.invalid_probabilities else CRITERIA
    return [Check(item.name, item.sentence, item.objection(evidence)) for item in asked]


def invalid(evidence: Evidence) -> str:
    """Object to probabilities that are none."""
    return f"{evidence.invalid_probabilities:,} are not" if evidence.invalid_probabilities else ""


def not_portable(evidence: Evidence) -> str:
    """Object to a portable form that answers something else than what was trained."""
    return "" if evidence.parity <= TOLERANCE else f"they differ by {evidence.parity:.2g}"


def unclean_holdout(evidence: Evidence) -> str:
    """Object to a holdout that training has seen, or that does not lie after it."""
    if evidence.rows_seen_in_training:
        return f"training has seen {evidence.rows_seen_in_training:,} rows of the holdout"
    if evidence.days_after_training <= 0:
        return f"the holdout starts {-evidence.days_after_training:.1f} days before training ends"
    return ""


def no_better_than_heuristic(evidence: Evidence) -> str:
    """Object to a margin over the heuristic that may be chance."""
    return " and ".join(
        f"the margin in {name} is {margin}"
        for name, margin in evidence.margins["heuristic"].items()
        if name in ("roc_auc", "brier") and not margin.low > 0
    )


def too_good(evidence: Evidence) -> str:
    """Object to what is better than honest models can be."""
    found = evidence.metrics["roc_auc"].value
    return "" if found <= SUSPICIOUS_ROC_AUC else f"it is {found:.3f}: look for a column that knows the outcome"


def miscalibrated(evidence: Evidence) -> str:
    """Object to probabilities that do not mean what they say."""
    found = evidence.metrics["calibration_error"].value
    return "" if found <= LARGEST_CALIBRATION_ERROR else f"it is {found:.3f}"


def worse_than_champion(evidence: Evidence) -> str:
    """Object to a candidate that is worse than the champion by more than the noise."""
    if evidence.champion is None:
        return ""
    return " and ".join(
        f"the margin in {name} is {margin}"
        for name, margin in evidence.margins["champion"].items()
        if name in ("roc_auc", "brier") and not margin.high >= 0
    )


CRITERIA = (
    Criterion("valid", "Every probability is a number from 0 to 1.", invalid),
    Criterion("portable", f"What is served answers what was trained, to {TOLERANCE:g}.", not_portable),
    Criterion("clean_holdout", "The holdout lies after everything that training saw.", unclean_holdout),
    Criterion(
        "beats_heuristic",
        "It ranks and estimates better than the locked heuristic: both intervals lie above zero.",
        no_better_than_heuristic,
    ),
    Criterion("not_too_good", f"ROC-AUC is at most {SUSPICIOUS_ROC_AUC}: more would be a leak.", too_good),
    Criterion("calibrated", f"Calibration error is at most {LARGEST_CALIBRATION_ERROR}.", miscalibrated),
    Criterion("champion", "It is not worse than the champion by more than the noise.", worse_than_champion),
)
