"""The evaluation report: every model's metrics, the candidate's margins and slices, and the gate's checks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flights import model
from flights.evaluation import METRICS, metrics
from flights.ranking import RankedPredictions, Vector, rank
from flights.resampling import Interval, intervals, margin, resampled_metrics
from pipelines import gate
from pipelines.evaluation.criteria import Evidence
from pipelines.evaluation.inputs import CHAMPION, EvaluationInputs
from pipelines.evaluation.slices import Slice, slice_metrics
from pipelines.rows import summary_of

MISSING_FEED_METRICS = ("roc_auc", "brier", "calibration_error")


@dataclass(frozen=True)
class ModelMetrics:
    """One model's metrics, and the same on resampled days."""

    rows: RankedPredictions
    values: Mapping[str, float]
    resampled: Mapping[str, Vector]


def model_metrics(inputs: EvaluationInputs) -> dict[str, ModelMetrics]:
    """Every model's metrics on the same resampled days; a model with invalid probabilities is left out."""
    found = {}
    for name, scores in inputs.scores.items():
        if not scores.invalid:
            rows = rank(inputs.y_true, scores.probabilities, scores.threshold)
            found[name] = ModelMetrics(rows, metrics(rows), resampled_metrics(rows, inputs.days, inputs.seed))
    return found


def evaluation_report(inputs: EvaluationInputs, measured: Mapping[str, ModelMetrics]) -> dict[str, Any]:
    """Metrics and margins with intervals, slices, missing feeds, and the gate's checks."""
    values = {name: intervals(each.values, each.resampled) for name, each in measured.items()}
    margins = {name: margin_intervals(measured, name) for name in measured if name != model.CANDIDATE}
    parts = candidate_slices(inputs, measured)
    missing_feeds = {
        feed: metrics(rank(inputs.y_true, probabilities), MISSING_FEED_METRICS)
        for feed, probabilities in inputs.missing_feeds.items()
    }
    evidence = Evidence(
        metrics=values.get(model.CANDIDATE, {}),
        fallback=values[model.RULE],
        margins=margins,
        slices=parts,
        missing_feeds=missing_feeds,
        champion=inputs.champion,
        invalid_probabilities=inputs.scores[model.CANDIDATE].invalid,
        **inputs.properties,
    )
    checks = gate.checks(evidence)
    return {
        "champion": inputs.champion,
        "passed": all(check.passed for check in checks),
        "checks": [asdict(check) for check in checks],
        "holdout": summary_of(inputs.rows),
        "metrics": {name: as_json(each) for name, each in values.items()},
        "margins": {name: as_json(each) for name, each in margins.items()},
        "slices": [asdict(each) for each in parts],
        "missing_feeds": missing_feeds,
        "properties": dict(inputs.properties),
        "not_compared": not_compared(inputs),
    }


def not_compared(inputs: EvaluationInputs) -> str:
    """That REPLACE_CHAMPION skipped the comparison with the champion, and why; empty if it did not."""
    reason = inputs.properties["champion_unloadable"]
    if not (reason and inputs.properties["replace_champion"]):
        return ""
    return f"REPLACE_CHAMPION skipped the comparison with champion {inputs.champion}, which cannot be loaded ({reason})"


def margin_intervals(measured: Mapping[str, ModelMetrics], other: str) -> dict[str, Interval]:
    """By how much the candidate is better than another model, per metric; empty if it could not be measured."""
    if model.CANDIDATE not in measured:
        return {}
    ours, theirs = measured[model.CANDIDATE], measured[other]
    return {
        name: margin(name, ours.values[name], theirs.values[name], ours.resampled[name], theirs.resampled[name])
        for name in METRICS
    }


def candidate_slices(inputs: EvaluationInputs, measured: Mapping[str, ModelMetrics]) -> list[Slice]:
    """The candidate's metrics on every slice, compared with the champion; empty if it could not be measured."""
    if model.CANDIDATE not in measured:
        return []
    champion = inputs.scores.get(CHAMPION)
    theirs = champion.probabilities if champion else None
    ours = inputs.scores[model.CANDIDATE].probabilities
    return slice_metrics(inputs.rows, inputs.y_true, inputs.days, ours, theirs, inputs.seed)


def as_json(values: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    """Intervals as JSON."""
    return {name: asdict(interval) for name, interval in values.items()}
