"""The pictures of an evaluation; each title says what to see."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flights.config import ALERT_BUDGET, MIN_SLICE_ROC_AUC
from flights.dataset import POSITIVE, ROWS
from flights.files import HOLDOUT_PLOT, SLICES_PLOT
from flights.ranking import RankedPredictions
from pipelines.extras.card.reliability import reliability

SHOWN = {
    "candidate": "#1b6ca8",
    "champion": "#7a4fa3",
    "heuristic": "#c0562f",
    "logistic": "#5d7f3a",
    "tree": "#b8912c",
    "prior": "#8a8a8a",
}

COMPARED = ("candidate", "heuristic")  # in titles


def write_all(folder: Path, models: Mapping[str, RankedPredictions], report: Mapping[str, Any]) -> None:
    """Draw the holdout and its slices."""
    write_holdout(folder / HOLDOUT_PLOT, models, report)
    write_slices(folder / SLICES_PLOT, report)


def write_holdout(path: Path, models: Mapping[str, RankedPredictions], report: Mapping[str, Any]) -> None:
    """Draw ranking, calibration and alerts of every model on the holdout."""
    figure = Figure(figsize=(13, 4.4), layout="constrained")
    ranking, calibration, alerts = figure.subplots(1, 3)
    draw_ranking(ranking, report["metrics"])
    curve = report.get("calibration", {}).get("curve", {})  # without the card's plug-in there is none
    draw_calibration(calibration, {name: models[name] for name in reversed(COMPARED) if name in models}, curve)
    draw_alerts(alerts, models, report["metrics"])
    figure.savefig(path, dpi=110)


def write_slices(path: Path, report: Mapping[str, Any]) -> None:
    """Draw the candidate's ranking of every slice."""
    slices = report.get("slices", [])  # an invalid candidate has none, and without that check nobody has
    figure = Figure(figsize=(9, 1.2 + 0.19 * len(slices)), layout="constrained")
    if slices:
        draw_slices(figure.subplots(), slices, report["metrics"]["candidate"])
    figure.savefig(path, dpi=110)


def draw_ranking(axes: Axes, metrics: Mapping[str, Any]) -> None:
    """Draw each model's ROC-AUC with its interval."""
    for row, name in enumerate(reversed(list(metrics))):
        draw_interval(axes, row, metrics[name]["roc_auc"], SHOWN.get(name, "#333333"))
    axes.set_yticks(range(len(metrics)), list(reversed(list(metrics))))
    axes.set(
        title=f"Further right ranks {POSITIVE} {ROWS} higher\n" + compared(metrics, "roc_auc", ".2f"),
        xlabel="ROC-AUC on the holdout, 95 % interval by day",
        ylabel="model",
    )
    axes.grid(axis="x", alpha=0.3)


def compared(metrics: Mapping[str, Any], name: str, form: str) -> str:
    """One metric of the models that a title compares."""
    return ", ".join(f"{each} {metrics[each][name]['value']:{form}}" for each in COMPARED if each in metrics)


def draw_interval(axes: Axes, row: int, figure: Mapping[str, float], color: str) -> None:
    """Draw a value and its interval on a line of its own."""
    spread = [[figure["value"] - figure["low"]], [figure["high"] - figure["value"]]]
    axes.errorbar(figure["value"], row, xerr=spread, fmt="o", markersize=5, color=color, capsize=3)


def draw_calibration(axes: Axes, models: Mapping[str, RankedPredictions], curve: Mapping[str, Sequence[float]]) -> None:
    """Draw the observed rate against the predicted one, by tenths of the rows, as far as there are any."""
    furthest = 0.0
    for name, rows in models.items():
        predicted, observed, _ = reliability(rows)
        furthest = max(furthest, predicted.max(), observed.max())
        axes.plot(predicted, observed, marker="o", markersize=4, color=SHOWN.get(name), label=name)
    if curve:
        axes.vlines(curve["predicted"], curve["low"], curve["high"], color=SHOWN["candidate"])
        furthest = max(furthest, *curve["high"])
    axes.plot([0, furthest], [0, furthest], color="#bbbbbb", linestyle="--", label="perfect", zorder=0)
    axes.set(
        title="On the dashed line, 30 % means 30 %;\nvertical lines: 95 % intervals by day",
        xlabel=f"predicted probability (means of tenths of the {ROWS})",
        ylabel=f"share that was {POSITIVE}",
    )
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)


def draw_alerts(axes: Axes, models: Mapping[str, RankedPredictions], metrics: Mapping[str, Any]) -> None:
    """Draw the precision of alerting the riskiest share of flights."""
    for name, rows in models.items():
        hits = np.cumsum(rows.targets)[rows.ends]
        count = rows.ends + 1
        share = count / len(rows.targets)
        some = share >= 0.01  # below, a handful of flights decides
        axes.plot(100 * share[some], 100 * (hits / count)[some], color=SHOWN.get(name), label=name)
    axes.axvline(100 * ALERT_BUDGET, color="#bbbbbb", linestyle="--")
    axes.set(
        title="Precision; the dashed line is the alert budget\n" + compared(metrics, "precision_at_budget", ".0%"),
        xlabel=f"{ROWS} alerted, riskiest first (%); dashed: the budget",
        ylabel=f"of these, {POSITIVE} (%)",
    )
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)


def draw_slices(axes: Axes, slices: Sequence[Mapping[str, Any]], overall: Mapping[str, Any]) -> None:
    """Draw each slice's ROC-AUC with intervals that hold for all of them at once."""
    colors = dict(zip(dict.fromkeys(each["kind"] for each in slices), cycle(SHOWN.values()), strict=False))
    ranked = sorted(slices, key=lambda each: float(each["figures"]["roc_auc"]["value"]))[::-1]
    for row, each in enumerate(ranked):
        draw_interval(axes, row, each["figures"]["roc_auc"], colors[each["kind"]])
    names = [f"{each['kind']} {each['name']}  ({each['rows']:,})" for each in ranked]
    axes.set_yticks(range(len(slices)), names, fontsize=8)
    axes.axvline(overall["roc_auc"]["value"], color="#bbbbbb", linestyle="--", label=f"all {ROWS}")
    axes.axvline(MIN_SLICE_ROC_AUC, color="#b3401f", label="the gate's floor: blocks an interval left of it")
    weakest = ranked[-1]
    axes.set(
        title=f"Weakest on top: {weakest['kind']} {weakest['name']}",
        xlabel="ROC-AUC of the candidate on the holdout; all intervals hold at once, 95 %",
        ylabel=f"slice (number of {ROWS})",
    )
    axes.legend(loc="lower left", fontsize=8, framealpha=1)
    axes.margins(y=0.01)
    axes.grid(axis="x", alpha=0.3)
