"""Print what `make train` achieved: metrics, the gate's checks, and what to do next."""

import math
import sys
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from flights import registry
from flights.artifacts import read_json
from flights.config import ALERT_BUDGET, MAX_CALIBRATION_ERROR, MIN_SLICE_ROC_AUC, Settings
from flights.dataset import POSITIVE, ROWS, ZONE
from flights.files import CARD_FILE, EVALUATION_FILE, HOLDOUT_PLOT, TRAIN_FIRST
from flights.model import RULE
from flights.ranking import CALIBRATION_BINS
from pipelines.check import COMPARED
from pipelines.step import interval_text

WIDE, WIDE_SLICE = 0.06, 0.2  # half widths of intervals from which a limit says little
SHOWN = {
    "roc_auc": "ROC-AUC",
    **COMPARED,
    "brier": "Brier",
    "calibration_error": "calibration error",
    "precision_at_budget": f"precision, top {100 * ALERT_BUDGET:g} %",
}


def main() -> None:
    """Print the summary of the newest evaluation."""
    settings = Settings.read()
    report = read_json(settings.candidate_dir / EVALUATION_FILE, TRAIN_FIRST)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    part = report["holdout"]
    first, last = (pd.Timestamp(part[end]).tz_convert(ZONE) for end in ("first", "last"))  # its own days, not UTC's
    title = f"Holdout {first:%F} to {last:%F}: {part['rows']:,} {ROWS}, {part['late']:.1%} {POSITIVE}"
    console.print(metrics_table(f"{title}; 95 % intervals by day", "model", report["metrics"]))
    console.print(metrics_table("The candidate's margin over each (positive is better)", "over", report["margins"]))
    for check in report["checks"]:
        console.print(
            f"  {'no ' if check['failure'] else 'yes'}  {check['sentence']} {check['failure']}", soft_wrap=True
        )
    for sentence in weak_limits(report):
        console.print(f"  few  {sentence}", soft_wrap=True)
    if report["not_compared"]:
        console.print(f"{report['not_compared']}.")
    folder = registry.model_folder(settings.models_dir, report["version"])
    console.print(f"The gate {'passed' if report['passed'] else 'blocked'} version {report['version']}; ", end="")
    console.print(f"champion is version {registry.champion(settings.models_dir) or 'none'}.")
    console.print(f"Model card  {folder / CARD_FILE}, plot {folder / HOLDOUT_PLOT}", soft_wrap=True)
    console.print("MLflow      make mlflow")
    console.print("Next        make serve")


def metrics_table(title: str, head: str, models: dict[str, Any]) -> Table:
    """One line per model, with intervals."""
    table = Table(title=title, title_justify="left")
    table.add_column(head)
    for label in SHOWN.values():
        table.add_column(label, justify="right")
    for name, metrics in models.items():
        table.add_row(name, *(interval_text(metrics[key]) for key in SHOWN))
    return table


def weak_limits(report: Mapping[str, Any]) -> list[str]:
    """The gate's limits that mean little with as few rows as the holdout has; the model card names them, too."""
    part, found = report["holdout"], []
    noise = math.sqrt(CALIBRATION_BINS * part["late"] * (1 - part["late"]) / part["rows"])
    if noise > MAX_CALIBRATION_ERROR / 2:
        found.append(
            f"Calibration error (limit {MAX_CALIBRATION_ERROR}) means little with {part['rows']:,} {ROWS}: an exact "
            f"model shows about {noise:.2g} by chance."
        )
    name, label = next(iter(COMPARED.items()))
    margin = report["margins"].get(RULE, {}).get(name)
    if margin and (reach := half_width(margin)) > WIDE:
        found.append(
            f"The margin over the heuristic means little below {reach:.2f} in {label}: smaller ones may be chance."
        )
    slices = report.get("slices", [])
    wide = sum(half_width(each["figures"]["roc_auc"]) > WIDE_SLICE for each in slices)
    if wide > len(slices) / 2:
        found.append(
            f"The limit for slices (ROC-AUC {MIN_SLICE_ROC_AUC}) means little: {wide} of {len(slices)} slices have "
            f"intervals of more than {WIDE_SLICE} on each side."
        )
    return found


def half_width(interval: Mapping[str, float]) -> float:
    """How far an interval reaches on each side."""
    return (interval["high"] - interval["low"]) / 2


if __name__ == "__main__":
    main()
