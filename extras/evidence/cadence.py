"""How often to train: the cadences of one backtest side by side, and the rule that picks one.

The rule: of all cadences whose ROC-AUC and Brier score lie within one standard error of the best, the one with the
fewest fits. The standard error is by day: how far the same figure moves when other days had been drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from flights.config import GAP_DAYS
from flights.dataset import ZONE
from flights.evaluation import HIGHER_IS_BETTER, metrics
from flights.ranking import Vector, rank
from flights.resampling import margin, resampled_metrics
from pipelines.rows import Period

BASELINE = "heuristic"
JUDGED = ("roc_auc", "brier")
SHOWN = {"weekly": "#1b6ca8", "monthly": "#5d7f3a", "never": "#7a4fa3", BASELINE: "#c0562f"}
LABELS = {"roc_auc": "ROC-AUC", "brier": "Brier score", "calibration_error": "calibration error"}
RESAMPLES = 200


def compared(
    truth: Vector,
    moments: "pd.Series[Any]",
    answers: Mapping[str, Vector],
    schedules: Mapping[str, Sequence[Period]],
    seconds: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    """Quality by month and over all of them, distance from the best cadence, cost, and the recommendation."""
    local = moments.dt.tz_convert(ZONE)
    months = local.dt.strftime("%Y-%m").to_numpy()
    ready = {name: rank(truth, answer) for name, answer in answers.items()}
    pooled = {name: metrics(rows) for name, rows in ready.items()}
    days = local.dt.strftime("%Y-%m-%d").to_numpy()
    draws = {name: resampled_metrics(ready[name], days, resamples=RESAMPLES) for name in answers}
    best = {metric: _best(metric, {name: pooled[name][metric] for name in schedules}) for metric in JUDGED}
    margins = {
        name: {metric: _behind(metric, BASELINE, name, pooled, draws) for metric in JUDGED} for name in schedules
    }
    noise = {metric: float(np.std(draws[best[metric]][metric])) for metric in JUDGED}
    rows = {
        name: {
            **{metric: pooled[name][metric] for metric in LABELS},
            **{f"behind_{metric}": _behind(metric, name, best[metric], pooled, draws) for metric in JUDGED},
            "fits": len(seconds[name]),
            "fit_seconds": float(sum(seconds[name])),
        }
        for name in schedules
    }
    chosen = recommended(rows, noise)
    return {
        "months": {
            month: {
                name: metrics(rank(truth[months == month], answer[months == month])) for name, answer in answers.items()
            }
            for month in np.unique(months).tolist()
        },
        "pooled": pooled,
        "cadences": rows,
        "margins": margins,  # of each cadence over the baseline
        "standard_error": noise,
        "recommended": chosen,
        "greatest_age_days": greatest_age_days(schedules[chosen]),
    }


def recommended(cadences: Mapping[str, Mapping[str, Any]], noise: Mapping[str, float]) -> str:
    """The cheapest cadence that is as good as the best but for noise."""
    good = [name for name, each in cadences.items() if all(each[f"behind_{key}"][0] <= noise[key] for key in JUDGED)]
    if not good:  # the best in one metric is far behind in the other: take the best probabilities
        return min(cadences, key=lambda name: cadences[name]["brier"])
    return min(good, key=lambda name: cadences[name]["fits"])


def greatest_age_days(periods: Sequence[Period]) -> int:
    """How old a model may be: an alert above this age fires while the shortest period still has days to train in."""
    return min(round((end - start) / pd.Timedelta(days=1)) for start, end in periods[:-1] or periods) - GAP_DAYS


def advice(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the monitor and other readers need of the report."""
    columns = (*LABELS, "fits", "fit_seconds")
    cadences = [{"name": name} | {key: each[key] for key in columns} for name, each in report["cadences"].items()]
    return {key: report[key] for key in ("recommended", "greatest_age_days")} | {"cadences": cadences}


def as_table(report: Mapping[str, Any]) -> Table:
    """The cadences for a terminal."""
    table = Table(title="How often to train: every flight predicted by the model of its day")
    for heading in ("cadence", "fits", "seconds", "ROC-AUC", "behind the best", "Brier", "behind the best", "ECE"):
        table.add_column(heading, justify="right")
    for name, each in report["cadences"].items():
        auc, brier = (_difference(each[f"behind_{metric}"]) for metric in JUDGED)
        cost = (str(each["fits"]), f"{each['fit_seconds']:.0f}")
        figures = (f"{each['roc_auc']:.4f}", auc, f"{each['brier']:.4f}", brier, f"{each['calibration_error']:.4f}")
        table.add_row(name, *cost, *figures)
    base, noise = report["pooled"][BASELINE], report["standard_error"]
    margins = report["margins"][report["recommended"]]
    table.caption = (
        f"The {BASELINE}, fitted monthly: ROC-AUC {base['roc_auc']:.4f}, Brier {base['brier']:.4f}; "
        f"{report['recommended']} is better by {_difference(margins['roc_auc'])} and by "
        f"{_difference(margins['brier'])}. Cheapest within "
        f"one standard error by day ({noise['roc_auc']:.4f} and {noise['brier']:.4f}) of the best: "
        f"{report['recommended']}; a model may be {report['greatest_age_days']} days old."
    )
    return table


def figure(report: Mapping[str, Any]) -> Figure:
    """Ranking and calibration by month, and what they cost."""
    picture = Figure(figsize=(14, 4.4), layout="constrained")
    ranking, calibration, price = picture.subplots(1, 3)
    draw_months(ranking, report, "roc_auc", "Ranking: what an old model loses")
    draw_months(calibration, report, "calibration_error", "Calibration: whose probabilities drift")
    draw_price(price, report)
    return picture


def draw_months(axes: Axes, report: Mapping[str, Any], metric: str, title: str) -> None:
    """Draw one metric by month, a line per cadence."""
    months = report["months"]
    for name, colour in SHOWN.items():
        style = ":" if name == BASELINE else "-"
        values = [each[name][metric] for each in months.values()]
        axes.plot([month[-2:] for month in months], values, style, marker="o", markersize=4, color=colour, label=name)
    axes.set(
        title=title, xlabel=f"month predicted, {min(months)} to {max(months)}", ylabel=f"{LABELS[metric]} of the month"
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def draw_price(axes: Axes, report: Mapping[str, Any]) -> None:
    """Draw quality over cost, with the band that counts as equal to the best."""
    best = min(each["brier"] for each in report["cadences"].values())
    axes.axhspan(best, best + report["standard_error"]["brier"], color="#1b6ca8", alpha=0.12)
    for name, each in report["cadences"].items():
        axes.plot(each["fit_seconds"], each["brier"], "o", color=SHOWN[name], markersize=9)
        words = f"{name}, fits: {each['fits']}" + ("\n(recommended)" if name == report["recommended"] else "")
        place = (each["fit_seconds"], each["brier"])
        axes.annotate(words, place, xytext=(0, 9), textcoords="offset points", ha="center")
    axes.set(
        title="Price: the cheapest within the band is enough",
        xlabel="seconds of fitting over all months",
        ylabel="Brier score; band: one standard error",
        xscale="log",
    )
    axes.margins(x=0.3, y=0.25)
    axes.grid(alpha=0.3)


def _best(metric: str, values: Mapping[str, float]) -> str:
    return (max if metric in HIGHER_IS_BETTER else min)(values, key=lambda name: values[name])


def _behind(metric: str, name: str, best: str, pooled: Mapping[str, Any], draws: Mapping[str, Any]) -> list[float]:
    """How far behind the best, positive is worse, with its interval over the same resampled days."""
    found = margin(metric, pooled[best][metric], pooled[name][metric], draws[best][metric], draws[name][metric])
    return [found.value, found.low, found.high]


def _difference(behind: Sequence[float]) -> str:
    value, low, high = behind
    return f"{value:.4f} [{low:.4f}, {high:.4f}]" if value else "-"
