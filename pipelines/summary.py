"""A screenful for the person who ran `make train`: what happened, what the gate said, and what to do next."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from flights import registry
from flights.artifacts import read_json
from flights.config import ALERT_BUDGET, Settings
from flights.dataset import POSITIVE, ROWS
from flights.files import CARD_FILE, EVALUATION_FILE, HOLDOUT_PLOT, TRAIN_FIRST
from pipelines.card import uncompared

SHOWN = {
    "roc_auc": "ROC-AUC",
    "brier": "Brier",
    "calibration_error": "calibration error",
    "precision_at_budget": f"precision, top {100 * ALERT_BUDGET:g} %",
}


def main() -> None:
    """Print the summary of the newest evaluation."""
    settings = Settings()
    report = read_json(settings.candidate_dir / EVALUATION_FILE, TRAIN_FIRST)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(metrics_table(report))
    console.print(margins_table(report))
    for check in report["checks"]:
        console.print(f"  {'no ' if check['objection'] else 'yes'}  {check['sentence']} {check['objection']}")
    for each in uncompared(report):
        console.print(f"{each}.")
    version = report["version"]
    folder = registry.model_folder(settings.models_dir, version)
    console.print(f"The gate {'passed' if report['passed'] else 'refused'} version {version}; ", end="")
    console.print(f"champion is version {registry.champion(settings.models_dir) or 'none'}.")
    console.print(f"Model card  {folder / CARD_FILE}, picture {folder / HOLDOUT_PLOT}", soft_wrap=True)
    console.print("MLflow      make mlflow")
    console.print("Next        make serve")


def metrics_table(report: dict[str, Any]) -> Table:
    """Every model's figures on the holdout."""
    rows, late = report["holdout"]["rows"], report["holdout"]["late"]
    first, last = report["holdout"]["first"][:10], report["holdout"]["last"][:10]
    table = Table(
        title=f"Holdout {first} to {last}: {rows:,} {ROWS}, {late:.1%} {POSITIVE}; 95 % intervals by day",
        title_justify="left",
    )
    table.add_column("model")
    for label in SHOWN.values():
        table.add_column(label, justify="right")
    for name, figures in report["metrics"].items():
        table.add_row(name, *(figure(figures[key]) for key in SHOWN))
    return table


def margins_table(report: dict[str, Any]) -> Table:
    """By how much the candidate is better than each other model; positive is better."""
    table = Table(title="The candidate's margin over each (positive is better)", title_justify="left")
    table.add_column("over")
    for label in SHOWN.values():
        table.add_column(label, justify="right")
    for name, figures in report["margins"].items():
        table.add_row(name, *(figure(figures[key]) for key in SHOWN))
    return table


def figure(each: dict[str, float]) -> str:
    """A value with its interval."""
    return f"{each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]"


if __name__ == "__main__":
    main()
