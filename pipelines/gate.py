"""The gate: what a candidate must show before it may serve. Each criterion is a sentence, and able to refuse.

`make gallery` shows each of them a candidate that it is there to refuse.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flights.config import (
    MAX_CALIBRATION_ERROR,
    MAX_MISSING_FEED_ERRORS,
    MAX_PLAUSIBLE_ROC_AUC,
    MIN_SLICE_ROC_AUC,
    TO_BEAT,
    WATERMARK_HOURS,
)
from flights.model import RULE, feeds
from flights.portable import TOLERANCE
from flights.resampling import Interval
from pipelines.slices import Slice

SLOWEST_ROW_MS = 20.0  # to score one row; 0.3 on a quiet machine
LARGEST_MODEL_MB = 5.0  # of what is served; 0.2 so far

RANKS_AND_ESTIMATES = ("roc_auc", "brier")
WIDTH = 3.92  # of a 95 % interval, in standard errors
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Evidence:
    """What evaluation found out about a candidate on the holdout."""

    metrics: Mapping[str, Interval]  # the candidate's
    fallback: Mapping[str, Interval]  # the heuristic's, which would serve instead
    margins: Mapping[str, Mapping[str, Interval]]  # by model and metric; positive: the candidate is better
    slices: Sequence[Slice]
    silent: Mapping[str, Mapping[str, float]]  # the candidate's metrics with each upstream feed silent
    champion: int | None
    champion_unloadable: str  # why this code cannot ask the champion; empty where it can, or where there is none
    replace_champion: bool  # somebody said that the candidate is to be taken all the same
    invalid_probabilities: int
    parity: float  # largest difference between the portable form and scikit-learn's probabilities
    repeat: float  # largest difference when the same rows are asked twice
    retrained: float  # largest difference between two trainings on the same rows
    row_ms: float  # median time to score one row
    model_mb: float  # size of what is served
    memory_mb: float  # peak of a fresh process that loads and scores what is served; shown, no criterion
    same_contract: bool  # trained under the data contract that holds now
    uncommitted: str  # why no commit holds its code, where that matters; empty where one does
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


def unrepeatable(evidence: Evidence) -> str:
    """Object to answers that change when the question does not."""
    return " and ".join(
        f"{done} twice, answers differ by {difference:.2g}"
        for done, difference in (("asked", evidence.repeat), ("trained", evidence.retrained))
        if not difference <= TOLERANCE
    )


def other_contract(evidence: Evidence) -> str:
    """Object to a model of other columns than those that are served."""
    return "" if evidence.same_contract else "the contract has changed since: run `make train`"


def uncommitted(evidence: Evidence) -> str:
    """Object to a model that nobody can make again."""
    return evidence.uncommitted


def slow(evidence: Evidence) -> str:
    """Object to a model that keeps its callers waiting."""
    return "" if evidence.row_ms <= SLOWEST_ROW_MS else f"it takes {evidence.row_ms:.0f} ms"


def large(evidence: Evidence) -> str:
    """Object to a model that does not fit where it is to serve."""
    return "" if evidence.model_mb <= LARGEST_MODEL_MB else f"it has {evidence.model_mb:.1f} MB"


def unclean_holdout(evidence: Evidence) -> str:
    """Object to a holdout that training has seen, or that begins before training's last outcome is known."""
    if evidence.rows_seen_in_training:
        return f"training has seen {evidence.rows_seen_in_training:,} rows of the holdout"
    hours = 24 * evidence.days_after_training
    if hours >= WATERMARK_HOURS:  # which NaN is not
        return ""
    return (
        f"it starts {hours:.0f} hours after training's last row, whose outcome may take {WATERMARK_HOURS} hours to "
        "come: split with a larger GAP_DAYS"
    )


def no_better_than_heuristic(evidence: Evidence) -> str:
    """Object to a margin over the heuristic that may be chance."""
    margins = evidence.margins[RULE]
    return " and ".join(
        f"the margin in {name} is {margins[name]}" for name in RANKS_AND_ESTIMATES if not margins[name].low > 0
    )


def not_worth_it(evidence: Evidence) -> str:
    """Object to a candidate that a simpler model equals."""
    if not TO_BEAT:
        return "TO_BEAT names no model to compare it with: name one"
    return " and ".join(
        f"{simpler} is as good: the margin in {name} is {evidence.margins[simpler][name]}"
        for simpler in TO_BEAT
        for name in RANKS_AND_ESTIMATES
        if not evidence.margins[simpler][name].value > 0
    )


def too_good(evidence: Evidence) -> str:
    """Object to what is better than honest models can be."""
    found = evidence.metrics["roc_auc"].value
    return "" if found <= MAX_PLAUSIBLE_ROC_AUC else f"it is {found:.3f}: look for a column that knows the outcome"


def miscalibrated(evidence: Evidence) -> str:
    """Object to probabilities that do not mean what they say."""
    found = evidence.metrics["calibration_error"].value
    return "" if found <= MAX_CALIBRATION_ERROR else f"it is {found:.3f}"


def not_comparable(evidence: Evidence) -> str:
    """Object to a candidate that nobody could compare with the champion, unless somebody answers for that."""
    if not evidence.champion_unloadable or evidence.replace_champion:
        return ""
    return (
        f"champion {evidence.champion} cannot be loaded by this code, so nothing can be compared "
        f"({evidence.champion_unloadable}): `make train REPLACE_CHAMPION=true` takes the candidate without "
        "the comparison"
    )


def worse_than_champion(evidence: Evidence) -> str:
    """Object to a candidate that is worse than the champion by more than one standard error.

    Not only to one that is surely worse: a small step down with every retraining would add up to a large one.
    """
    if evidence.champion is None or evidence.champion_unloadable:
        return not_comparable(evidence)
    margins = evidence.margins["champion"]
    return " and ".join(
        f"the margin in {name} is {margins[name]}" for name in RANKS_AND_ESTIMATES if behind(margins[name])
    )


def behind(margin: Interval) -> bool:
    """Whether a margin is below zero by more than one standard error, or surely; NaN is."""
    return not (margin.high >= 0 and margin.value >= (margin.low - margin.high) / WIDTH)


def bad_slice(evidence: Evidence) -> str:
    """Object to a slice that is surely below the floor, or whose limits nobody knows."""
    if not evidence.slices:
        return "no slice was measured: none has enough rows"
    return " and ".join(
        f"{each.kind} {each.name} has {each.figures['roc_auc']}"
        for each in evidence.slices
        if not each.figures["roc_auc"].high >= MIN_SLICE_ROC_AUC
    )


def slice_worse_than_champion(evidence: Evidence) -> str:
    """Object to a slice that pays for the gain of the others."""
    if evidence.champion is None or evidence.champion_unloadable:
        return not_comparable(evidence)
    return " and ".join(
        f"the margin in {name} of {each.kind} {each.name} is {each.margins.get(name, UNKNOWN)}"
        for each in evidence.slices
        for name in RANKS_AND_ESTIMATES
        if not each.margins.get(name, UNKNOWN).high >= 0
    )


def breaks_in_silence(evidence: Evidence) -> str:
    """Object to a model that takes a silent feed for a message: then the heuristic would serve better."""
    if untried := sorted(set(feeds()) - set(evidence.silent)):
        return f"nobody knows what it does without {', '.join(untried)}"
    usual = max(MAX_CALIBRATION_ERROR, evidence.fallback["calibration_error"].value)
    return " and ".join(
        f"without {feed} ROC-AUC is {found['roc_auc']:.3f}, Brier {found['brier']:.3f}, "
        f"calibration error {found['calibration_error']:.3f}"
        for feed, found in evidence.silent.items()
        if not found["roc_auc"] >= evidence.fallback["roc_auc"].value
        or not found["brier"] <= evidence.fallback["brier"].value
        or not found["calibration_error"] <= MAX_MISSING_FEED_ERRORS.get(feed, usual)
    )


CRITERIA = (
    Criterion("valid", "Every probability is a number from 0 to 1.", invalid),
    Criterion("portable", f"What is served answers what was trained, to {TOLERANCE:g}.", not_portable),
    Criterion("repeatable", "It answers the same when asked again, and when trained again on some rows.", unrepeatable),
    Criterion("same_contract", "It was trained under the data contract that holds now.", other_contract),
    Criterion("committed", "With REQUIRE_CLEAN_TREE, its code is a commit that is known.", uncommitted),
    Criterion("fast", f"It scores one row within {SLOWEST_ROW_MS:g} ms.", slow),
    Criterion("small", f"What is served has at most {LARGEST_MODEL_MB:g} MB.", large),
    Criterion("clean_holdout", "The holdout lies after everything that training saw.", unclean_holdout),
    Criterion(
        "beats_heuristic",
        "It ranks and estimates better than the locked heuristic: both intervals lie above zero.",
        no_better_than_heuristic,
    ),
    Criterion("worth_it", "No simpler model ranks or estimates as well.", not_worth_it),
    Criterion("not_too_good", f"ROC-AUC is at most {MAX_PLAUSIBLE_ROC_AUC}: more would be a leak.", too_good),
    Criterion("calibrated", f"Calibration error is at most {MAX_CALIBRATION_ERROR}.", miscalibrated),
    Criterion("champion", "It is not worse than the champion by more than one standard error.", worse_than_champion),
    Criterion("slices", f"No slice's ROC-AUC is surely below {MIN_SLICE_ROC_AUC}.", bad_slice),
    Criterion("slices_champion", "No slice is surely worse than with the champion.", slice_worse_than_champion),
    Criterion(
        "silence",
        "With any feed silent it stays as good as the heuristic (calibration error to "
        + ", ".join(
            [
                str(MAX_CALIBRATION_ERROR),
                *(f"{most} without {feed}" for feed, most in MAX_MISSING_FEED_ERRORS.items()),
            ]
        )
        + ").",
        breaks_in_silence,
    ),
)
