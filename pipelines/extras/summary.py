"""Print what `make train` achieved: metrics, the gate's checks, and what to do next."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from flights import registry
from flights.artifacts import read_json
from flights.config import ALERT_BUDGET, Settings
from flights.dataset import POSITIVE, ROWS
from flights.files import CARD_FILE, EVALUATION_FILE, HOLDOUT_PLOT, TRAIN_FIRST
from pipelines.step import interval_text

SHOWN = {
    "roc_auc": "ROC-AUC",
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
    title = (
        f"Holdout {part['first'][:10]} to {part['last'][:10]}: {part['rows']:,} {ROWS}, {part['late']:.1%} {POSITIVE}"
    )
    console.print(metrics_table(f"{title}; 95 % intervals by day", "model", report["metrics"]))
    console.print(metrics_table("The candidate's margin over each (positive is better)", "over", report["margins"]))
    for check in report["checks"]:
        console.print(
            f"  {'no ' if check['failure'] else 'yes'}  {check['sentence']} {check['failure']}", soft_wrap=True
        )
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


if __name__ == "__main__":
    main()
