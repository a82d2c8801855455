"""The gate: what a candidate must show before it may serve; `make gallery` shows each criterion a bad candidate."""

from dataclasses import dataclass

from flights.config import MAX_CALIBRATION_ERROR, MAX_MISSING_FEED_ERRORS, MAX_PLAUSIBLE_ROC_AUC, MIN_SLICE_ROC_AUC
from flights.portable import TOLERANCE
from pipelines.evaluation import criteria
from pipelines.evaluation.criteria import MAX_MODEL_MB, MAX_ROW_MS, Criterion, Evidence

FEED_LIMITS = "".join(f", {limit} without {feed}" for feed, limit in MAX_MISSING_FEED_ERRORS.items())
CRITERIA = (
    Criterion("valid", "Every probability is a number from 0 to 1.", criteria.valid),
    Criterion(
        "portable",
        f"The exported model matches scikit-learn's probabilities to within {TOLERANCE:g}.",
        criteria.portable,
    ),
    Criterion(
        "repeatable", "Scoring twice gives the same probabilities, and so does training twice.", criteria.repeatable
    ),
    Criterion("same_contract", "It was trained under the current data contract.", criteria.same_contract),
    Criterion("committed", "With REQUIRE_CLEAN_TREE, its code is in a commit.", criteria.committed),
    Criterion("fast", f"It scores one row within {MAX_ROW_MS:g} ms.", criteria.fast),
    Criterion("small", f"The served files have at most {MAX_MODEL_MB:g} MB.", criteria.small),
    Criterion("clean_holdout", "The holdout comes after everything that training saw.", criteria.clean_holdout),
    Criterion(
        "beats_heuristic",
        "It is significantly better than the heuristic in ROC-AUC and Brier score.",
        criteria.beats_heuristic,
    ),
    Criterion("worth_it", "No simpler model is as good in ROC-AUC or Brier score.", criteria.worth_it),
    Criterion(
        "not_too_good", f"ROC-AUC is at most {MAX_PLAUSIBLE_ROC_AUC}: more would be a leak.", criteria.not_too_good
    ),
    Criterion("calibrated", f"Calibration error is at most {MAX_CALIBRATION_ERROR}.", criteria.calibrated),
    Criterion("champion", "It is not worse than the champion by more than one standard error.", criteria.champion),
    Criterion("slices", f"No slice's ROC-AUC is significantly below {MIN_SLICE_ROC_AUC}.", criteria.slices),
    Criterion("slices_champion", "No slice is significantly worse than with the champion.", criteria.slices_champion),
    Criterion(
        "missing_feeds",
        "With any feed missing, it is at least as good as the heuristic "
        f"(calibration error {MAX_CALIBRATION_ERROR}{FEED_LIMITS}).",
        criteria.missing_feeds,
    ),
)


@dataclass(frozen=True)
class Check:
    """The result of one criterion."""

    name: str
    sentence: str
    failure: str  # empty if the candidate meets the criterion

    @property
    def passed(self) -> bool:
        """Whether the candidate meets the criterion."""
        return not self.failure


def checks(evidence: Evidence) -> list[Check]:
    """The result of every criterion; with invalid probabilities, of the first one only."""
    applicable = CRITERIA[:1] if evidence.invalid_probabilities else CRITERIA
    return [Check(each.name, each.sentence, each.failure(evidence)) for each in applicable]
