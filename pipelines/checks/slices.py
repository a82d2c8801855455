"""Gate check: the candidate suffices on every part of the rows, with intervals that hold for all parts at once.

Among forty slices one is always bad by chance. So all intervals are widened by the largest deviation that any slice
shows on the resampled days (max-T), which allows for slices that share rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights import model
from flights.config import MIN_SLICE_ROC_AUC
from flights.dataset import BANDS, EVENT_TIME, INPUTS, ZONE
from flights.evaluation import HIGHER_IS_BETTER, METRICS, metrics
from flights.ranking import Vector, WeightedSample, rank
from flights.resampling import CONFIDENCE, Interval, day_draws
from pipelines.check import Criterion, Evidence
from pipelines.evaluation.inputs import CHAMPION, EvaluationInputs

MIN_OF_EACH_CLASS = 50  # positive rows, and negative ones, that a slice needs to be measured
SLICED = ("roc_auc", "brier")  # metrics of a slice; ROC-AUC means the same at any share of positive rows
MAX_SLICES = 16  # of one kind: the most frequent texts
RESAMPLES = 200
HOURS = (0, 9, 12, 15, 18, 24)  # limits of the bands of the local hour
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))
UNITS = {column.name: column.unit for column in INPUTS}

Rows = NDArray[np.intp]
SliceKey = tuple[str, str]  # kind and name
Measurements = dict[SliceKey, dict[str, Vector]]  # by metric: its value, and then those on resampled days


@dataclass(frozen=True)
class Slice:
    """One part of the rows with its metrics; the intervals of all slices hold at once."""

    kind: str
    name: str
    rows: int
    positive: float  # share
    figures: Mapping[str, Interval]
    margins: Mapping[str, Interval]  # over the champion, positive is better; empty if there is none


def measure(inputs: EvaluationInputs) -> dict[str, list[Slice]]:
    """The candidate's metrics on every slice, compared with the champion."""
    champion = inputs.scores.get(CHAMPION)
    theirs = champion.probabilities if champion else None
    ours = inputs.scores[model.CANDIDATE].probabilities
    return {"slices": slice_metrics(inputs.rows, inputs.y_true, inputs.days, ours, theirs, inputs.seed)}


def slices(evidence: Evidence) -> str:
    """Fail if a slice is significantly below the floor, or if its interval is unknown."""
    if not evidence.measured["slices"]:
        return "no slice was measured: none has enough rows"
    return " and ".join(
        f"{each.kind} {each.name} has ROC-AUC {each.figures['roc_auc']} (limit {MIN_SLICE_ROC_AUC})"
        for each in evidence.measured["slices"]
        if not each.figures["roc_auc"].high >= MIN_SLICE_ROC_AUC
    )


def slices_champion(evidence: Evidence) -> str:
    """Fail if a slice is significantly worse than with the champion."""
    if evidence.champion is None or evidence.champion_unloadable:
        return evidence.not_comparable
    return " and ".join(
        f"the margin in {name} of {each.kind} {each.name} is {each.margins.get(name, UNKNOWN)}"
        for each in evidence.measured["slices"]
        for name in SLICED
        if not each.margins.get(name, UNKNOWN).high >= 0
    )


CRITERIA = (
    Criterion("slices", f"No slice's ROC-AUC is significantly below {MIN_SLICE_ROC_AUC}.", slices),
    Criterion("slices_champion", "No slice is significantly worse than with the champion.", slices_champion),
)


def slice_metrics(
    rows: pd.DataFrame, y_true: Vector, days: NDArray[Any], ours: Vector, champion: Vector | None, seed: int
) -> list[Slice]:
    """Every slice with its metrics and, if there is a champion, its margins over it."""
    parts = slice_rows(rows, y_true)
    mine = measurements(parts, y_true, days, ours, seed)
    theirs = mine if champion is None else measurements(parts, y_true, days, champion, seed)
    values, margins = {}, {}
    for name in SLICED:
        sign = 1 if name in HIGHER_IS_BETTER else -1
        pairs = {key: (mine[key][name], theirs[key][name]) for key in parts}
        values[name] = simultaneous_intervals({key: ours for key, (ours, _) in pairs.items()})
        margins[name] = simultaneous_intervals({key: sign * (ours - other) for key, (ours, other) in pairs.items()})
    return [
        Slice(
            *key,
            len(places),
            float(y_true[places].mean()),
            {name: each[key] for name, each in values.items()},
            {} if champion is None else {name: each[key] for name, each in margins.items()},
        )
        for key, places in parts.items()
    ]


def slice_rows(rows: pd.DataFrame, y_true: Vector) -> dict[SliceKey, Rows]:
    """Positions of the rows of each slice that is large enough to be measured."""
    found = {}
    for kind, names in slice_names(rows).items():
        placed = names.reset_index(drop=True)
        for name, places in placed.groupby(placed, observed=True).groups.items():
            positive = y_true[places].sum()
            if min(positive, len(places) - positive) >= MIN_OF_EACH_CLASS:
                found[kind, str(name)] = np.asarray(places)
    return found


def slice_names(rows: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """The slice of each kind that a row belongs to; missing if it belongs to none."""
    local = rows[EVENT_TIME].dt.tz_convert(ZONE).dt
    texts = [column.name for column in INPUTS if column.kind == "text" and not column.personal]
    return {
        **{name: rows[name].where(rows[name].isin(rows[name].value_counts().index[:MAX_SLICES])) for name in texts},
        "month": local.strftime("%Y-%m"),
        "hour": band_names(local.hour, HOURS, "h"),
        **{name: band_names(rows[name], limits, UNITS[name]) for name, limits in BANDS.items()},
    }


def band_names(values: "pd.Series[Any]", limits: tuple[float, ...], unit: str) -> "pd.Series[Any]":
    """The band of each value, as text."""
    names = [f"{low}-{high} {unit}" for low, high in pairwise(limits)]
    return pd.cut(values, limits, right=False, labels=names)


def measurements(
    parts: dict[SliceKey, Rows], y_true: Vector, days: NDArray[Any], probabilities: Vector, seed: int
) -> Measurements:
    """Each slice's metrics, followed by the same on resampled days; NaN if none of its days was drawn."""
    _, day = np.unique(days, return_inverse=True)
    counts = day_draws(days, seed, RESAMPLES)
    found = {}
    for key, places in parts.items():
        rows = rank(y_true[places], probabilities[places])
        day_of_row = day[places][rows.order]
        draws = np.full((RESAMPLES, len(SLICED)), np.nan)
        for draw, count in zip(draws, counts, strict=True):
            if (weights := count[day_of_row]).any():
                draw[:] = [METRICS[name](WeightedSample(rows, weights)) for name in SLICED]
        found[key] = {
            name: np.append(value, drawn)
            for (name, value), drawn in zip(metrics(rows, SLICED).items(), draws.T, strict=True)
        }
    return found


def simultaneous_intervals(measured: Mapping[Any, Vector]) -> dict[Any, Interval]:
    """Intervals that all hold at the same time in 95 % of the resampled sets of days."""
    if not measured:
        return {}
    table = np.stack(list(measured.values()))
    values, draws = table[:, 0], table[:, 1:]
    std = np.nanstd(draws, axis=1) + 1e-12
    largest = np.nanmax(np.abs(draws - values[:, None]) / std[:, None], axis=0)
    reach = np.quantile(largest, CONFIDENCE) * std
    return {
        key: Interval(float(value), float(value - each), float(value + each))
        for key, value, each in zip(measured, values, reach, strict=True)
    }
