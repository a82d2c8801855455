"""Backtest: train on everything known on a day and predict what followed, month by month and week by week.

Uses every month from April on, the holdout's too, and logs that access: it compares training cadences, never a single
candidate. Fits run in processes of their own, or on a Dask cluster.
"""

import argparse
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from extras.evidence import cadence, refit
from extras.evidence.cadence import BASELINE
from extras.evidence.fits import HINT, NEEDED, Fit, Task, backtest_period, fit, schedules
from extras.evidence.workers import sampled_rows, workers
from flights.artifacts import write_atomically, write_json
from flights.config import Settings
from flights.dataset import EVENT_TIME, targets
from flights.files import CADENCE_FILE, VALID_FILE
from flights.model import CANDIDATE
from flights.ranking import Vector
from pipelines.evaluation import holdout
from pipelines.rows import between
from pipelines.step import step


def main() -> None:
    """Fit and predict at every origin, compare the cadences, and say which to keep."""
    settings, args = Settings.read(), arguments()
    with step("backtest") as summary, workers(args.scheduler) as run:
        source = settings.raw_dir / VALID_FILE
        if source.is_file():
            holdout.log_access(settings, "backtest", period=backtest_period())
        rows, todo = sampled_rows(source, args.every, HINT, NEEDED), tasks()
        if args.refit:
            summary.read, summary.wrote = f"{len(rows):,} flights of {source}", str(refitted(settings, rows, args, run))
            return
        work = partial(fit, source=source.resolve(), every=args.every, seed=settings.seed)
        fits = list(track(run(work, todo), "fits", total=len(todo), transient=True))
        asked = rows[rows[EVENT_TIME].between(*backtest_period(), inclusive="left")]
        answers = predictions(asked[EVENT_TIME], fits)
        report = cadence.compared(targets(asked), asked[EVENT_TIME], answers, schedules(), costs(fits))
        Console().print(cadence.as_table(report))
        path = write_json(settings.reports_dir / "backtest.json", report | {"every": args.every})
        name = CADENCE_FILE if args.every == 1 else "cadence-sample.json"  # which no monitor reads
        advice = write_json(settings.reports_dir / name, cadence.advice(report) | {"every": args.every})
        picture = write_atomically(path.with_suffix(".png"), cadence.figure(report).savefig)
        summary.read = f"{len(rows):,} flights of {source}, {len(fits)} fits"
        summary.wrote = f"{path}, {advice.name} and {picture.name}"


def arguments() -> argparse.Namespace:
    """By whom, and on how much."""
    parser = argparse.ArgumentParser(prog="make backtest", description=__doc__)
    parser.add_argument("--scheduler", default="", help="address of a Dask scheduler; without it, processes here")
    parser.add_argument("--every", type=int, default=1, help="keep every Nth flight: faster, and less exact")
    parser.add_argument("--refit", action="store_true", help="compare the release with a refit on validation, too")
    return parser.parse_args()


def refitted(settings: Settings, rows: pd.DataFrame, args: argparse.Namespace, run: Callable[..., Any]) -> Path:
    """Compare each month's release with one that is fitted again on train and validation; returns the report."""
    todo = [Task(CANDIDATE, *each) for each in schedules()["monthly"] if refit.has_training_rows(rows, each[0])]
    work = partial(refit.pair, source=(settings.raw_dir / VALID_FILE).resolve(), every=args.every, seed=settings.seed)
    pairs = sorted(track(run(work, todo), "fits", total=len(todo), transient=True), key=lambda each: each.task.origin)
    asked = between(rows, (todo[0].origin, todo[-1].end))
    report = refit.compared(asked, pairs, cadence.RESAMPLES)
    Console().print(refit.as_table(report))
    return write_json(settings.reports_dir / "refit.json", {"every": args.every, "months": len(pairs), **report})


def tasks() -> list[Task]:
    """Each origin once, asked about as long as any cadence needs it, the longest first; the baseline month by month."""
    needed: dict[pd.Timestamp, pd.Timestamp] = {}
    for periods in schedules().values():
        for origin, end in periods:
            needed[origin] = max(end, needed.get(origin, end))
    candidates = [Task(CANDIDATE, origin, end) for origin, end in sorted(needed.items(), reverse=True)]
    return candidates + [Task(BASELINE, *period) for period in schedules()["monthly"]]


def predictions(moments: "pd.Series[Any]", fits: Iterable[Fit]) -> dict[str, Vector]:
    """For the baseline and each cadence, the probability of each flight by the model that served on its day."""
    found = {(fit.task.model, fit.task.origin): fit.probabilities for fit in fits}
    used = {BASELINE: (BASELINE, "monthly")} | {name: (CANDIDATE, name) for name in schedules()}

    def served(model: str, origin: pd.Timestamp, end: pd.Timestamp) -> Vector:
        return found[model, origin][: moments.searchsorted(end) - moments.searchsorted(origin)]

    return {
        name: np.concatenate([served(model, *period) for period in schedules()[schedule]])
        for name, (model, schedule) in used.items()
    }


def costs(fits: Iterable[Fit]) -> dict[str, list[float]]:
    """The seconds of each fit that a cadence needs."""
    seconds = {fit.task.origin: fit.seconds for fit in fits if fit.task.model == CANDIDATE}
    return {name: [seconds[origin] for origin, _ in periods] for name, periods in schedules().items()}


if __name__ == "__main__":
    from extras.evidence import backtest  # noqa: PLW0406 - workers look for our functions under this name

    backtest.main()
