"""The pictures of an evaluation; each title says what to see."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flights.config import ALERT_BUDGET
from flights.dataset import POSITIVE, ROWS
from flights.evaluation import Sorted, reliability

SHOWN = {
    "candidate": "#1b6ca8",
    "champion": "#7a4fa3",
    "heuristic": "#c0562f",
    "logistic": "#5d7f3a",
    "prior": "#8a8a8a",
}


def write_holdout(path: Path, models: Mapping[str, Sorted], report: Mapping[str, Any]) -> None:
    """Draw ranking, calibration and alerts of every model on the holdout."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    ranking, calibration, alerts = figure.subplots(1, 3)
    draw_ranking(ranking, report["metrics"])
    draw_calibration(calibration, {name: models[name] for name in ("heuristic", "candidate") if name in models})
    draw_alerts(alerts, models)
    figure.savefig(path, dpi=110)


def draw_ranking(axes: Axes, metrics: Mapping[str, Any]) -> None:
    """Draw each model's ROC-AUC with its interval."""
    for row, name in enumerate(reversed(list(metrics))):
        each = metrics[name]["roc_auc"]
        spread = [[each["value"] - each["low"]], [each["high"] - each["value"]]]
        axes.errorbar(each["value"], row, xerr=spread, fmt="o", color=SHOWN.get(name), capsize=4)
    axes.set_yticks(range(len(metrics)), list(reversed(list(metrics))))
    axes.set(title=f"Who ranks {POSITIVE} {ROWS} higher", xlabel="ROC-AUC on the holdout, 95 % interval by day")
    axes.grid(axis="x", alpha=0.3)


def draw_calibration(axes: Axes, models: Mapping[str, Sorted]) -> None:
    """Draw the observed rate against the predicted one."""
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--", label="perfect")
    for name, rows in models.items():
        predicted, observed, _ = reliability(rows)
        axes.plot(predicted, observed, marker="o", color=SHOWN.get(name), label=name)
    axes.set(title="Does 30 % mean 30 %?", xlabel="predicted probability", ylabel=f"share that was {POSITIVE}")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)


def draw_alerts(axes: Axes, models: Mapping[str, Sorted]) -> None:
    """Draw the precision of alerting the riskiest share of flights."""
    for name, rows in models.items():
        hits = np.cumsum(rows.targets[rows.order])[rows.ends]
        count = rows.ends + 1
        share = count / len(rows.targets)
        some = share >= 0.01  # below, a handful of flights decides
        axes.plot(100 * share[some], 100 * (hits / count)[some], color=SHOWN.get(name), label=name)
    axes.axvline(100 * ALERT_BUDGET, color="#bbbbbb", linestyle="--")
    axes.set(
        title="How many alerts are right",
        xlabel=f"{ROWS} alerted, riskiest first (%); dashed: the budget",
        ylabel=f"of these, {POSITIVE} (%)",
    )
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
