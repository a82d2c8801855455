"""The evaluation report: every model's metrics, the candidate's margins and slices, and the gate's checks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flights import model
from flights.evaluation import METRICS, metrics
from flights.ranking import RankedPredictions, Vector, rank
from flights.resampling import Interval, intervals, margin, resampled_metrics
from pipelines import check, gate
from pipelines.check import Evidence
from pipelines.evaluation.inputs import EvaluationInputs
from pipelines.rows import summary_of


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
    """Metrics and margins with intervals, what the gate's checks measured, and their results."""
    values = {name: intervals(each.values, each.resampled) for name, each in measured.items()}
    margins = {name: margin_intervals(measured, name) for name in measured if name != model.CANDIDATE}
    found = check.measurements(inputs) if model.CANDIDATE in measured else {}
    evidence = Evidence(
        models=values,
        metrics=values.get(model.CANDIDATE, {}),
        margins=margins,
        champion=inputs.champion,
        champion_unloadable=inputs.champion_unloadable,
        replace_champion=inputs.settings.replace_champion,
        invalid_probabilities=inputs.scores[model.CANDIDATE].invalid,
        measured={**inputs.properties, **found},
    )
    checks = gate.checks(evidence)
    return {
        "champion": inputs.champion,
        "passed": all(check.passed for check in checks),
        "checks": [asdict(check) for check in checks],
        "holdout": summary_of(inputs.rows),
        "metrics": {name: as_json(each) for name, each in values.items()},
        "margins": {name: as_json(each) for name, each in margins.items()},
        **{name: as_plain(value) for name, value in found.items()},
        "properties": {**inputs.properties, "champion_unloadable": inputs.champion_unloadable},
        "not_compared": not_compared(inputs),
    }


def not_compared(inputs: EvaluationInputs) -> str:
    """That REPLACE_CHAMPION skipped the comparison with the champion, and why; empty if it did not."""
    reason = inputs.champion_unloadable
    if not (reason and inputs.settings.replace_champion):
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


def as_json(values: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    """Intervals as JSON."""
    return {name: asdict(interval) for name, interval in values.items()}


def as_plain(measured: Any) -> Any:
    """What a check measured, as JSON: a list of dataclasses, or plain values."""
    return [asdict(each) for each in measured] if isinstance(measured, list) else measured
