"""The gate's criteria as functions: each returns why a candidate fails it, or an empty text."""

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
from pipelines.evaluation.slices import Slice

MAX_ROW_MS = 20.0  # to score one row; 0.3 on a quiet machine
MAX_MODEL_MB = 5.0  # of the served files; 0.2 so far
COMPARED = ("roc_auc", "brier")
INTERVAL_WIDTH = 3.92  # of a 95 % interval, in standard errors
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Evidence:
    """What evaluation measured of a candidate on the holdout."""

    metrics: Mapping[str, Interval]  # the candidate's
    fallback: Mapping[str, Interval]  # the heuristic's, which would serve instead
    margins: Mapping[str, Mapping[str, Interval]]  # by model and metric; positive: the candidate is better
    slices: Sequence[Slice]
    missing_feeds: Mapping[str, Mapping[str, float]]  # the candidate's metrics with each upstream feed missing
    champion: int | None
    champion_unloadable: str  # why this code cannot load the champion; empty if it can, or if there is none
    replace_champion: bool  # REPLACE_CHAMPION: take the candidate without that comparison
    invalid_probabilities: int
    parity: float  # largest difference between the exported form's and scikit-learn's probabilities
    repeat: float  # largest difference when the same rows are scored twice
    retrained: float  # largest difference between two trainings on the same rows
    row_ms: float  # median time to score one row
    model_mb: float  # size of the served files
    same_contract: bool  # trained under the current data contract
    uncommitted: str  # why no commit holds its code, if that matters; empty if one does
    rows_seen_in_training: int
    days_after_training: float  # from the last row that training saw to the first of the holdout


@dataclass(frozen=True)
class Criterion:
    """One condition of the gate: a sentence, and a function that returns why a candidate fails it."""

    name: str
    sentence: str
    failure: Callable[[Evidence], str]


def valid(evidence: Evidence) -> str:
    """Fail on predictions outside [0, 1] or NaN."""
    return f"{evidence.invalid_probabilities:,} are not" if evidence.invalid_probabilities else ""


def portable(evidence: Evidence) -> str:
    """Fail if the exported model's probabilities differ from scikit-learn's."""
    return "" if evidence.parity <= TOLERANCE else f"they differ by {evidence.parity:.2g} (limit {TOLERANCE:g})"


def repeatable(evidence: Evidence) -> str:
    """Fail if scoring or training the same rows twice gives different probabilities."""
    differences = {"scored": evidence.repeat, "trained": evidence.retrained}
    return " and ".join(
        f"{action} twice, probabilities differ by {difference:.2g} (limit {TOLERANCE:g})"
        for action, difference in differences.items()
        if not difference <= TOLERANCE
    )


def same_contract(evidence: Evidence) -> str:
    """Fail a model that was trained under another data contract."""
    return "" if evidence.same_contract else "the contract has changed since: run `make train`"


def committed(evidence: Evidence) -> str:
    """Fail a model whose code is in no commit."""
    return evidence.uncommitted


def fast(evidence: Evidence) -> str:
    """Fail a model that is too slow."""
    return "" if evidence.row_ms <= MAX_ROW_MS else f"one row takes {evidence.row_ms:.0f} ms (limit {MAX_ROW_MS:g} ms)"


def small(evidence: Evidence) -> str:
    """Fail a model whose files are too large."""
    return "" if evidence.model_mb <= MAX_MODEL_MB else f"they have {evidence.model_mb:.1f} MB (limit {MAX_MODEL_MB:g})"


def clean_holdout(evidence: Evidence) -> str:
    """Fail if training saw rows of the holdout, or if it begins before training's last outcome is known."""
    if evidence.rows_seen_in_training:
        return f"training has seen {evidence.rows_seen_in_training:,} rows of the holdout"
    hours = 24 * evidence.days_after_training
    if hours >= WATERMARK_HOURS:  # false for NaN
        return ""
    return (
        f"the holdout starts {hours:.0f} hours after training's last row, whose outcome may take {WATERMARK_HOURS} "
        "hours to arrive: split with a larger GAP_DAYS"
    )


def beats_heuristic(evidence: Evidence) -> str:
    """Fail a margin over the heuristic that may be chance."""
    margins = evidence.margins[RULE]
    return " and ".join(f"the margin in {name} is {margins[name]}" for name in COMPARED if not margins[name].low > 0)


def worth_it(evidence: Evidence) -> str:
    """Fail a candidate that a simpler model equals."""
    if not TO_BEAT:
        return "TO_BEAT names no simpler model to compare with: add one in config.py"
    return " and ".join(
        f"{simpler} is as good: the margin in {name} is {evidence.margins[simpler][name]}"
        for simpler in TO_BEAT
        for name in COMPARED
        if not evidence.margins[simpler][name].value > 0
    )


def not_too_good(evidence: Evidence) -> str:
    """Fail what is better than honest models can be."""
    value = evidence.metrics["roc_auc"].value
    return "" if value <= MAX_PLAUSIBLE_ROC_AUC else f"it is {value:.3f}: look for a column that knows the outcome"


def calibrated(evidence: Evidence) -> str:
    """Fail probabilities that are too far from the observed rates."""
    value = evidence.metrics["calibration_error"].value
    return "" if value <= MAX_CALIBRATION_ERROR else f"it is {value:.3f} (limit {MAX_CALIBRATION_ERROR})"


def comparable(evidence: Evidence) -> str:
    """Fail if the champion cannot be loaded, unless REPLACE_CHAMPION is set."""
    if not evidence.champion_unloadable or evidence.replace_champion:
        return ""
    return (
        f"champion {evidence.champion} cannot be loaded by this code, so nothing can be compared "
        f"({evidence.champion_unloadable}): `make train REPLACE_CHAMPION=true` skips the comparison"
    )


def champion(evidence: Evidence) -> str:
    """Fail a candidate that is behind the champion by more than one standard error: small losses would add up."""
    if evidence.champion is None or evidence.champion_unloadable:
        return comparable(evidence)
    margins = evidence.margins["champion"]
    return " and ".join(f"the margin in {name} is {margins[name]}" for name in COMPARED if is_behind(margins[name]))


def is_behind(margin: Interval) -> bool:
    """Whether a margin is below zero by more than one standard error, or NaN."""
    return not (margin.high >= 0 and margin.value >= (margin.low - margin.high) / INTERVAL_WIDTH)


def slices(evidence: Evidence) -> str:
    """Fail if a slice is significantly below the floor, or if its interval is unknown."""
    if not evidence.slices:
        return "no slice was measured: none has enough rows"
    return " and ".join(
        f"{each.kind} {each.name} has ROC-AUC {each.figures['roc_auc']} (limit {MIN_SLICE_ROC_AUC})"
        for each in evidence.slices
        if not each.figures["roc_auc"].high >= MIN_SLICE_ROC_AUC
    )


def slices_champion(evidence: Evidence) -> str:
    """Fail if a slice is significantly worse than with the champion."""
    if evidence.champion is None or evidence.champion_unloadable:
        return comparable(evidence)
    return " and ".join(
        f"the margin in {name} of {each.kind} {each.name} is {each.margins.get(name, UNKNOWN)}"
        for each in evidence.slices
        for name in COMPARED
        if not each.margins.get(name, UNKNOWN).high >= 0
    )


def missing_feeds(evidence: Evidence) -> str:
    """Fail if the heuristic would serve better while a feed is missing."""
    if untried := sorted(set(feeds()) - set(evidence.missing_feeds)):
        return f"not measured without {', '.join(untried)}: run `make evaluate`"
    usual = max(MAX_CALIBRATION_ERROR, evidence.fallback["calibration_error"].value)
    return " and ".join(
        f"without {feed} ROC-AUC is {found['roc_auc']:.3f}, Brier {found['brier']:.3f}, "
        f"calibration error {found['calibration_error']:.3f}"
        for feed, found in evidence.missing_feeds.items()
        if not found["roc_auc"] >= evidence.fallback["roc_auc"].value
        or not found["brier"] <= evidence.fallback["brier"].value
        or not found["calibration_error"] <= MAX_MISSING_FEED_ERRORS.get(feed, usual)
    )
