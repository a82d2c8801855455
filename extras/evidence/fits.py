"""The fits of a backtest: a model trained on all that was known at an origin, asked about what followed."""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from extras.evidence.cadence import BASELINE
from extras.evidence.workers import sampled_rows
from flights.config import FIRST_MONTH, GAP_DAYS, LAST_MONTH
from flights.dataset import EVENT_TIME, OUTCOME, ZONE, targets
from flights.model import build_model
from flights.ranking import Vector
from pipelines.rows import Period, features_of, training_features

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
