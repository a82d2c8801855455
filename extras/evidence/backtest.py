"""Backtest: train on everything known on a day and predict what followed, month by month and week by week.

Uses every month from April on, the holdout's too, and logs that access: it compares training cadences, never a single
candidate. Fits run in processes of their own, or on a Dask cluster.
"""

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from extras.evidence import cadence
from extras.evidence.cadence import BASELINE
from extras.evidence.workers import sampled_rows, workers
from flights.artifacts import write_atomically, write_json
from flights.config import FIRST_MONTH, GAP_DAYS, LAST_MONTH, Settings
from flights.dataset import EVENT_TIME, OUTCOME, ZONE, targets
from flights.files import CADENCE_FILE, VALID_FILE
from flights.model import CANDIDATE, build_model
from flights.ranking import Vector
from pipelines.evaluation import holdout
from pipelines.rows import Period, features_of, training_features
from pipelines.step import step

HINT = "run `make validate`"
NEEDED = [EVENT_TIME, OUTCOME]  # what `targets` reads


@dataclass(frozen=True)
class Task:
    """One model to train on all that was known by `origin`, and to ask about what departs from then to `end`."""

    model: str
    origin: pd.Timestamp
    end: pd.Timestamp


@dataclass(frozen=True)
class Fit:
    """What a task gave: probabilities in the order of time, and the seconds that the fit took."""

    task: Task
    probabilities: Vector
    seconds: float


def main() -> None:
    """Fit and predict at every origin, compare the cadences, and say which to keep."""
    settings, args = Settings.read(), arguments()
    with step("backtest") as summary, workers(args.scheduler) as run:
        source = settings.raw_dir / VALID_FILE
        if source.is_file():
            holdout.log_access(settings, "backtest", period=backtest_period())
        rows, todo = sampled_rows(source, args.every, HINT, NEEDED), tasks()
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
    return parser.parse_args()


def tasks() -> list[Task]:
    """Each origin once, asked about as long as any cadence needs it, the longest first; the baseline month by month."""
    needed: dict[pd.Timestamp, pd.Timestamp] = {}
    for periods in schedules().values():
        for origin, end in periods:
            needed[origin] = max(end, needed.get(origin, end))
    candidates = [Task(CANDIDATE, origin, end) for origin, end in sorted(needed.items(), reverse=True)]
    return candidates + [Task(BASELINE, *period) for period in schedules()["monthly"]]


def backtest_period() -> Period:
    """The time that is predicted."""
    return pd.Timestamp(FIRST_MONTH, tz=ZONE), pd.Timestamp(LAST_MONTH, tz=ZONE) + pd.DateOffset(months=1)


def schedules() -> dict[str, list[Period]]:
    """For each cadence, when a model is trained and until when it serves."""
    start, end = backtest_period()
    origins = {
        "never": [start],
        "monthly": [*pd.date_range(start, end, freq=pd.DateOffset(months=1), inclusive="left")],
        "weekly": [*pd.date_range(start, end, freq=pd.DateOffset(days=7), inclusive="left")],
    }
    return {name: list(zip(each, [*each[1:], end], strict=True)) for name, each in origins.items()}


def fit(task: Task, source: Path, every: int, seed: int) -> Fit:
    """Train a model on all flights whose outcomes were known at the origin, and predict those until the end."""
    return trained(task, source, every, seed)[1]


def trained(task: Task, source: Path, every: int, seed: int) -> tuple[Any, Fit]:
    """The fitted model of a task, and what it gave; the baseline is trained on rows without missing feeds."""
    X_train, X_all, y_all, moments = material(source, every, seed)
    known = moments.searchsorted(task.origin - pd.DateOffset(days=GAP_DAYS))
    predicted = slice(*(moments.searchsorted(moment) for moment in (task.origin, task.end)))
    start = time.perf_counter()
    features = X_all if task.model == BASELINE else X_train
    model = build_model(task.model, seed).fit(features.iloc[:known], y_all[:known])
    seconds = time.perf_counter() - start
    return model, Fit(task, model.predict_proba(X_all.iloc[predicted])[:, 1], seconds)


@lru_cache(maxsize=1)
def material(source: Path, every: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, Vector, "pd.Series[Any]"]:
    """Training features of the candidate, features of the others, targets and event times; once per process."""
    rows = sampled_rows(source, every, HINT)
    return training_features(rows, seed), features_of(rows), targets(rows), rows[EVENT_TIME]


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
