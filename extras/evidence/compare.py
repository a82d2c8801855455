"""Compare the families of estimators: train each month by month, export it, and predict the month that followed.

The portable form must give the trained model's probabilities, and is timed. Logs its access to the holdout's months.
"""

import argparse
import time
import timeit
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from extras.evidence import fits
from extras.evidence.cadence import RESAMPLES
from extras.evidence.fits import HINT, NEEDED, Task
from extras.evidence.workers import sampled_rows, workers
from flights import portable
from flights.artifacts import write_atomically, write_json
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, ZONE, targets
from flights.evaluation import metrics
from flights.files import VALID_FILE
from flights.model import HGB
from flights.ranking import Vector, rank
from flights.resampling import Interval, interval, margin, resampled_metrics
from pipelines.evaluation import holdout
from pipelines.rows import between, local_days
from pipelines.step import step

FAMILIES = ("tree", "logistic", HGB, "lightgbm", "xgboost", *["torch"] * (find_spec("torch") is not None))
AVERAGE, AVERAGED = "average", (HGB, "lightgbm")
COSTS = ("train_seconds", "microseconds", "kilobytes")  # of a fit, of CPU time for a row of a month, and of its files
REPEATS = 3  # of a timed call; the fastest counts
FIGURES = {  # of the table: the report's key, and its format
    "mean month": ("mean_month", ".4f"),
    "lowest month": ("lowest_month", ".4f"),
    "ECE": ("calibration_error", ".4f"),
    "training, s": ("train_seconds", ".1f"),
    "served row, us": ("microseconds", ".1f"),
    "files, kB": ("kilobytes", ".0f"),
    "parity": ("parity", ".0e"),
}
cached_rows = lru_cache(maxsize=1)(sampled_rows)  # once per process


@dataclass(frozen=True)
class Trial:
    """One fit in its portable form: probabilities in the order of time, `COSTS`, and the parity check's difference."""

    task: Task
    probabilities: Vector
    costs: Vector
    difference: float


def main() -> None:
    """Fit, export and measure each family at each month's start, and write the comparison."""
    settings, every = Settings.read(), arguments().every
    with step("compare") as summary, workers("") as run:
        source = settings.raw_dir / VALID_FILE
        if source.is_file():
            holdout.log_access(settings, "compare", period=fits.backtest_period())
        rows = sampled_rows(source, every, HINT, NEEDED)
        todo = [Task(name, *period) for name in FAMILIES for period in fits.schedules()["monthly"]]
        work = partial(trial, source=source.resolve(), every=every, seed=settings.seed)
        trials = list(track(run(work, todo), "fits", total=len(todo), transient=True))
        report = compared(between(rows, fits.backtest_period()), with_average(trials))
        Console(width=max(Console().width, 130)).print(as_table(report))
        path = write_json(settings.reports_dir / "compare.json", {"every": every, "families": report})
        picture = write_atomically(path.with_suffix(".png"), figure(report).savefig)
        summary.read, summary.wrote = f"{len(rows):,} rows of {source}", f"{path} and {picture.name}"


def arguments() -> argparse.Namespace:
    """On how much."""
    parser = argparse.ArgumentParser(prog="make compare", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="keep every Nth row: faster, and less exact")
    return parser.parse_args()


def trial(task: Task, source: Path, every: int, seed: int) -> Trial:
    """Train as the backtest does, export, check parity, and measure the portable form."""
    model, fit = fits.trained(task, source, every, seed)
    columns = as_arrays(between(cached_rows(source, every, HINT), (task.origin, task.end)))
    with TemporaryDirectory() as name:
        folder = Path(name)
        portable.export(model, folder)
        score, limit = portable.load(folder), portable.tolerance(folder)
        kilobytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e3
    answers = score(columns)
    difference = portable.check_parity(answers, fit.probabilities, limit)
    calls = timeit.repeat(partial(score, columns), timer=time.process_time, number=1, repeat=REPEATS)
    microseconds = 1e6 * min(calls) / len(answers)
    return Trial(task, answers, np.array([fit.seconds, microseconds, kilobytes]), difference)


def with_average(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    """Each family's trials in the order of time; with both families of `AVERAGED`, their average comes last."""
    ordered = sorted(trials, key=lambda each: each.task.origin)
    named = {name: [each for each in ordered if each.task.model == name] for name in FAMILIES}
    found = {name: each for name, each in named.items() if each}
    if all(name in found for name in AVERAGED):
        found[AVERAGE] = [average(*pair) for pair in zip(*(found[name] for name in AVERAGED), strict=True)]
    return found


def average(first: Trial, second: Trial) -> Trial:
    """The mean of two families' probabilities, for the price of both."""
    task = Task(AVERAGE, first.task.origin, first.task.end)
    probabilities = (first.probabilities + second.probabilities) / 2
    return Trial(task, probabilities, first.costs + second.costs, max(first.difference, second.difference))


def compared(rows: pd.DataFrame, trials: Mapping[str, list[Trial]]) -> dict[str, dict[str, Any]]:
    """For each family: ROC-AUC by month and over all, its distance from `HGB`, calibration, and costs."""
    y_true, days = targets(rows), local_days(rows)
    months = rows[EVENT_TIME].dt.tz_convert(ZONE).dt.strftime("%Y-%m").to_numpy()
    answers = {name: np.concatenate([each.probabilities for each in found]) for name, found in trials.items()}
    pooled = {name: area(y_true, answer, days) for name, answer in answers.items()}
    report: dict[str, dict[str, Any]] = {}
    for name, answer in answers.items():
        parts = {month: months == month for month in np.unique(months).tolist()}
        by_month = {month: area(y_true[part], answer[part], days[part])[0] for month, part in parts.items()}
        (ours, draws), values = pooled[name], [each.value for each in by_month.values()]
        report[name] = {
            "months": {month: asdict(each) for month, each in by_month.items()},
            "all_months": asdict(ours),
            "ahead": asdict(margin("roc_auc", ours.value, pooled[HGB][0].value, draws, pooled[HGB][1])),
            "mean_month": float(np.mean(values)),
            "lowest_month": min(values),
            "calibration_error": metrics(rank(y_true, answer))["calibration_error"],
            **dict(zip(COSTS, np.median([each.costs for each in trials[name]], axis=0).tolist(), strict=True)),
            "parity": max(each.difference for each in trials[name]),
        }
    return report


def area(y_true: Vector, answer: Vector, days: Any) -> tuple[Interval, Vector]:
    """ROC-AUC with its interval by day, and its resamples."""
    rows = rank(y_true, answer)
    draws = resampled_metrics(rows, days, resamples=RESAMPLES, names=("roc_auc",))["roc_auc"]
    return interval(metrics(rows)["roc_auc"], draws), draws


def as_table(report: Mapping[str, Mapping[str, Any]]) -> Table:
    """The families for a terminal, a column each; half of an interval's width follows the sign."""
    families = report.values()
    table = Table(title="ROC-AUC by models trained before each month, and costs", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", *report):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for month in next(iter(families))["months"]:
        table.add_row(month, *(_half_width(each["months"][month], ".3f") for each in families))
    table.add_section()
    table.add_row("all months", *(_half_width(each["all_months"], ".4f") for each in families))
    table.add_row(f"ahead of {HGB}", *(_half_width(each["ahead"], ".4f") for each in families))
    for label, (key, form) in FIGURES.items():
        table.add_row(label, *(format(each[key], form) for each in families))
    return table


def figure(report: Mapping[str, Mapping[str, Any]]) -> Figure:
    """ROC-AUC by month with intervals, and what a family costs when it is served."""
    picture = Figure(figsize=(13, 4.8), layout="constrained")
    ranking, price = picture.subplots(1, 2, width_ratios=(3, 2))
    for position, (name, each) in enumerate(report.items()):
        months, place = each["months"], (each["microseconds"], each["all_months"]["value"])
        low, value, high = np.array([[one[key] for key in ("low", "value", "high")] for one in months.values()]).T
        places = np.arange(len(months)) + 0.09 * (position - len(report) / 2)
        ranking.errorbar(places, value, (value - low, high - value), fmt="o-", markersize=3, linewidth=0.8, label=name)
        ranking.set_xticks(range(len(months)), [month[-2:] for month in months])
        price.plot(*place, "o", markersize=9)
    ranking.set(title="ROC-AUC by month, 95 % intervals by day", xlabel="month predicted", ylabel="ROC-AUC")
    price.set(title="All months, and the served cost", xlabel="CPU time for a row, in us", ylabel="ROC-AUC")
    for axes in (ranking, price):
        axes.grid(alpha=0.3)
    ranking.legend(ncols=3)
    return picture


def _half_width(found: Mapping[str, float], form: str) -> str:
    return f"{found['value']:{form}} ± {(found['high'] - found['low']) / 2:{form}}"


if __name__ == "__main__":
    from extras.evidence import compare  # noqa: PLW0406 - workers look for our functions under this name

    compare.main()
