"""Refit before release: compare each month's release with one that is fitted again on train and validation.

The released model keeps its threshold and its recalibration; only the rows to fit on are more, and newer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from extras.evidence.fits import HINT, Task
from extras.evidence.workers import sampled_rows
from flights.dataset import EVENT_TIME, targets
from flights.evaluation import metrics
from flights.model import build_model
from flights.ranking import Vector, costs, rank
from flights.resampling import day_draws, margin, resampled_metrics
from pipelines.rows import between, features_of, local_days, periods, training_features
from pipelines.training.fitting import tuned_threshold
from pipelines.training.recalibration import expit, log_odds, recalibrated, recalibration_trial

JUDGED = ("roc_auc", "brier", "calibration_error")
cached_rows = lru_cache(maxsize=1)(sampled_rows)  # once per process


@dataclass(frozen=True)
class Pair:
    """One month's probabilities by the model as released and by the refitted one, and the threshold of both."""

    task: Task
    released: Vector
    refitted: Vector
    threshold: float


def has_training_rows(rows: pd.DataFrame, origin: pd.Timestamp) -> bool:
    """Whether four weeks or more of data come before the validation of a release on this day."""
    return bool(rows[EVENT_TIME].iloc[0] + pd.DateOffset(days=28) < periods(origin.date())["train"][1])


def pair(task: Task, source: Path, every: int, seed: int) -> Pair:
    """Train as `make train` does on the task's day, fit again, and predict until its end."""
    rows, parts = cached_rows(source, every, HINT), periods(task.origin.date())
    train, validation = between(rows, parts["train"]), between(rows, parts["validation"])
    both = pd.concat([train, validation], ignore_index=True)
    released, refitted = (
        build_model(task.model, seed).fit(training_features(part, seed), targets(part)) for part in (train, both)
    )
    X_valid, y_valid = features_of(validation), targets(validation)
    trial = recalibration_trial(log_odds(released, X_valid), y_valid, local_days(validation), seed)
    slope, shift = (trial["slope"], trial["shift"]) if trial["kept"] else (1.0, 0.0)
    decided = recalibrated(released, X_valid, y_valid) if trial["kept"] else released
    X_test = features_of(between(rows, (task.origin, task.end)))

    def answers(model: Any) -> Vector:
        return expit(slope * log_odds(model, X_test) + shift)

    return Pair(task, answers(released), answers(refitted), tuned_threshold(decided, X_valid, y_valid))


def compared(rows: pd.DataFrame, pairs: Sequence[Pair], resamples: int) -> dict[str, dict[str, Any]]:
    """Each metric of both models over all months, and by how much the refitted one is better, by day."""
    y_true, days = targets(rows), local_days(rows)
    limits = np.concatenate([np.full(len(each.released), each.threshold) for each in pairs])
    answers = [np.concatenate([getattr(each, name) for each in pairs]) for name in ("released", "refitted")]
    ranked = [rank(y_true, answer) for answer in answers]
    values = [metrics(each, JUDGED) for each in ranked]
    draws = [resampled_metrics(each, days, resamples=resamples, names=JUDGED) for each in ranked]
    _, day = np.unique(days, return_inverse=True)
    drawn = day_draws(days, 0, resamples)
    for value, draw, answer in zip(values, draws, answers, strict=True):  # each month has a threshold of its own
        cost = 1000 * costs(y_true, answer >= limits)
        value["cost_per_1000"] = float(cost.mean())
        draw["cost_per_1000"] = (drawn @ np.bincount(day, cost)) / (drawn @ np.bincount(day))
    return {
        name: {"released": values[0][name], "refitted": values[1][name]}
        | {"better": asdict(margin(name, values[1][name], values[0][name], draws[1][name], draws[0][name]))}
        for name in (*JUDGED, "cost_per_1000")
    }


def as_table(report: Mapping[str, Mapping[str, Any]]) -> Table:
    """Both models for a terminal."""
    table = Table(title="Refit on train and validation, threshold kept: the month after the release")
    for heading in ("metric", "as released", "refitted", "refitted is better by"):
        table.add_column(heading, justify="right")
    for name, each in report.items():
        better = "{value:.4f} [{low:.4f}, {high:.4f}]".format(**each["better"])
        table.add_row(name, f"{each['released']:.4f}", f"{each['refitted']:.4f}", better)
    return table
