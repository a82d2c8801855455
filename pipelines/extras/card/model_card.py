"""The model card: generated from measurements; a claim without its number fails.

This plug-in writes `card.md`, `card.html` and the plots into each published version.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flights import dataset
from flights.artifacts import read_json
from flights.config import ALERT_BUDGET, CADENCE_DAYS, MIN_SLICE_ROC_AUC, MISS_COST, NAME, Settings
from flights.contract import as_arrays
from flights.dataset import INPUTS, POSITIVE, PREDICTION_LEAD_HOURS, ROWS
from flights.evaluation import metrics
from flights.files import CADENCE_FILE, CARD_FILE, CARD_PAGE, LABELS_FILE
from flights.model import CANDIDATE, RULE
from flights.plugins import hooks
from flights.ranking import FALSE_ALARM_COST, rank
from pipelines import check
from pipelines.check import COMPARED
from pipelines.evaluation.inputs import EvaluationInputs
from pipelines.evaluation.publish import Evaluation
from pipelines.evaluation.report import ModelMetrics, as_json
from pipelines.extras.card import html_page, plots
from pipelines.extras.card.card_tables import (
    data_table,
    degraded_table,
    label_audit,
    recalibration_table,
    slice_table,
    table,
)
from pipelines.extras.card.card_text import HARD_SLICES, MISSING_FEEDS, SEASON, TEMPLATE, WRONG_ALERTS, WRONG_OUTCOMES
from pipelines.extras.card.corruptions import CORRUPTIONS
from pipelines.extras.card.reliability import brier_parts, curve
from pipelines.step import interval_text
from pipelines.training.recalibration import calibration_gains, expit, logit

NEEDED_CHECKS = {"exported", "missing_feeds", "slices"}  # families that measure what the card claims
DEGRADED_METRICS = ("roc_auc", "brier", "calibration_error")  # with wrong inputs
PROVENANCE = ("as_of", "seed", "git_commit", "git_dirty", "data_digest", "schema_digest", "lock_digest", "python")
OPTIONAL = ("estimator", "refit", "recalibrated_as_of", "recalibrated_from")  # not in every record


class ClaimWithoutNumber(ValueError):
    """The card claims something that was not measured."""


def measure(inputs: EvaluationInputs, measured: Mapping[str, ModelMetrics]) -> dict[str, Any]:
    """What only the card shows: the effect of wrong inputs, the calibration in detail, other commands' reports."""
    columns = as_arrays(inputs.rows)
    corrupted = {name: inputs.score(corrupt(columns)) for name, corrupt in CORRUPTIONS.items()}
    return {
        "corrupted": {
            name: metrics(rank(inputs.y_true, probabilities), DEGRADED_METRICS)
            for name, probabilities in corrupted.items()
        },
        "calibration": calibration_record(inputs, measured),
        **other_reports(Settings.read().reports_dir),
    }


def other_reports(reports_dir: Path) -> dict[str, Any]:
    """Results of other commands if they have run: the label audit, and the maximum age of a model."""
    labels, cadence = reports_dir / LABELS_FILE, reports_dir / CADENCE_FILE
    age = read_json(cadence, "run `make backtest`")["greatest_age_days"] if cadence.is_file() else CADENCE_DAYS
    return {
        "labels": read_json(labels, "run `make labels`") if labels.is_file() else None,
        "greatest_age_days": age,
    }


def calibration_record(inputs: EvaluationInputs, measured: Mapping[str, ModelMetrics]) -> dict[str, Any]:
    """Brier's parts, the reliability curve, and the gains of recalibration, kept or not."""
    if CANDIDATE not in measured:
        return {}
    rows, trial = measured[CANDIDATE].rows, inputs.training["recalibration"]
    after = expit(trial["slope"] * logit(inputs.uncalibrated) + trial["shift"])
    gains = calibration_gains(inputs.y_true, inputs.uncalibrated, after, inputs.days, inputs.seed)
    return {
        "brier_parts": brier_parts(rows),
        "curve": curve(rows, inputs.days, inputs.seed),
        "kept": trial["kept"],
        "gains_on_validation": trial["gains"],
        "gains_on_holdout": as_json(gains),
    }


def write_report(folder: Path, evaluation: Evaluation) -> None:
    """Write the card, its page and its plots."""
    plots.write_all(folder, {name: each.rows for name, each in evaluation.metrics.items()}, evaluation.report)
    make_card = model_card if set(check.families()) >= NEEDED_CHECKS else short_card
    (folder / CARD_FILE).write_text(make_card(evaluation.version, evaluation.training, evaluation.report))
    html_page.write(folder / CARD_PAGE, folder / CARD_FILE)


def model_card(version: int, training: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Render the card as Markdown.

    Raises
    ------
    ClaimWithoutNumber
        Something that the card claims was not measured.
    """
    if CANDIDATE not in report["metrics"]:
        return short_card(version, training, report)
    ours = {name: each["value"] for name, each in report["metrics"][CANDIDATE].items()}
    try:
        return TEMPLATE.format(
            name=NAME,
            version=version,
            **verdict(report),
            **scope(training),
            **holdout_results(report, ours),
            **alert_value(report, ours),
            **calibration_results(report),
            **operation(training, report, ours),
            failures=known_failures(report, ours),
            provenance=provenance(training),
        )
    except KeyError as missing:
        raise ClaimWithoutNumber(
            f"the card claims {missing}; expected it in the training's record or the evaluation's report, got none: "
            "run `make train`"
        ) from missing


def short_card(version: int, training: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """The card of a candidate with invalid probabilities, or without some checks: verdict and provenance only."""
    result = verdict(report)
    return (
        f"# Model card: {NAME}, version {version}\n\nThe gate **{result['verdict']}** it. {result['reasons']}\n\n"
        f"## Provenance\n\n{provenance(training)}\n"
    )


def verdict(report: Mapping[str, Any]) -> dict[str, str]:
    """The gate's verdict and its reasons."""
    reasons = list(dict.fromkeys(each["failure"] for each in report["checks"] if each["failure"]))
    reasons = reasons or [f"All {len(report['checks'])} criteria are met", *contradictions(report)]
    reasons += [report["not_compared"]] if report["not_compared"] else []
    reasons += [each.rstrip(".") for find in hooks("pipelines.extras", "weak_limits") for each in find(report)]
    return {"verdict": "passed" if report["passed"] else "blocked", "reasons": " ".join(f"{each}." for each in reasons)}


def contradictions(report: Mapping[str, Any]) -> list[str]:
    """Baselines that are as good as a candidate that passed: the gate did not ask for them, and the card names them."""
    return [
        f"But {name} is simpler and as good: the margin in {metric} is {interval_text(margins[metric])}"
        for name, margins in report["margins"].items()
        if name not in {"champion", report["properties"].get("estimator")}
        for metric in COMPARED
        if not margins[metric]["value"] > 0
    ]


def scope(training: Mapping[str, Any]) -> dict[str, Any]:
    """What the model is for."""
    return {
        "question": dataset.QUESTION,
        "scope": dataset.SCOPE,
        "rows_name": ROWS,
        "positive": POSITIVE,
        "threshold": training["threshold"],
        "miss": MISS_COST / FALSE_ALARM_COST,
        "lead": PREDICTION_LEAD_HOURS,
        "inputs": len(INPUTS),
        "source": training["data"]["source"],
        "features": training["features"],
        "fit_seconds": training["fit_seconds"],
        "as_of": training["as_of"],
    }


def holdout_results(report: Mapping[str, Any], ours: Mapping[str, float]) -> dict[str, Any]:
    """Metrics, margins, slices and degraded inputs."""
    return {
        **report["holdout_access"],
        "metrics": table(report["metrics"]),
        "margins": table(report["margins"]),
        "floor": MIN_SLICE_ROC_AUC,
        "slices": slice_table(report["slices"]),
        "missing_feeds": degraded_table("missing", report["missing_feeds"], ours),
        "corrupted": degraded_table("wrong input", report["corrupted"], ours),
        "labels": label_audit(report["labels"]),
    }


def alert_value(report: Mapping[str, Any], ours: Mapping[str, float]) -> dict[str, Any]:
    """How often an alert is right, and what the decisions cost."""
    return {
        "budget": ALERT_BUDGET,
        "precision": ours["precision_at_budget"],
        "lift": ours["lift_at_budget"],
        "wrong": 1 - ours["precision_at_budget"],
        "cost": ours["cost_per_1000"],
        "heuristic_cost": report["metrics"][RULE]["cost_per_1000"]["value"],
    }


def calibration_results(report: Mapping[str, Any]) -> dict[str, Any]:
    """Calibration error, Brier's parts and recalibration."""
    return {
        "calibration": interval_text(report["metrics"][CANDIDATE]["calibration_error"]),
        **report["calibration"]["brier_parts"],
        "recalibration": recalibration_table(report["calibration"]),
        "kept": "kept" if report["calibration"]["kept"] else "not kept",
    }


def operation(training: Mapping[str, Any], report: Mapping[str, Any], ours: Mapping[str, float]) -> dict[str, Any]:
    """Data, cost, monitoring and rollback."""
    data, champion = training["data"], report["champion"]
    parts = {name: data[name] for name in ("train", "validation")}
    parts |= {name: part for name, part in data.items() if name == "recalibration"}
    served = "no version served" if champion is None else f"version {champion} served"
    return {
        "data": data_table({**parts, "holdout": report["holdout"]}, training),
        "rows": report["holdout"]["rows"],
        "row_ms": report["properties"]["row_ms"],
        "model_mb": report["properties"]["model_mb"],
        "expected_auc": ours["roc_auc"],
        "expected_error": ours["calibration_error"],
        "age": report["greatest_age_days"],
        "way_back": f"{served} before this one",
    }


def known_failures(report: Mapping[str, Any], ours: Mapping[str, float]) -> str:
    """The measured failures, and those that the data set declares."""
    measured = [
        WRONG_ALERTS.format(share=1 - ours["precision_at_budget"]),
        SEASON.format(error=ours["calibration_error"]),
    ]
    if report["slices"]:
        weakest = min(report["slices"], key=lambda each: float(each["figures"]["roc_auc"]["value"]))
        auc = weakest["figures"]["roc_auc"]["value"]
        measured.insert(1, HARD_SLICES.format(name=f"{weakest['kind']} {weakest['name']}", auc=auc))
    errors = {feed: metrics["calibration_error"] for feed, metrics in report["missing_feeds"].items()}
    worst = max(errors, key=errors.__getitem__, default="")
    if errors and errors[worst] > ours["calibration_error"]:
        measured.append(MISSING_FEEDS.format(feed=worst, error=errors[worst]))
    return "\n".join([*measured, WRONG_OUTCOMES, *(f"- {each}" for each in dataset.FAILURES)])


def provenance(training: Mapping[str, Any]) -> str:
    """Everything that decided what the model became."""
    keys = [key for key in (*PROVENANCE, *OPTIONAL) if key in training]
    return "\n".join(f"- {key}: `{training[key]}`" for key in keys)
