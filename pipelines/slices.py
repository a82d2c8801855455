"""How good the candidate is for parts of the rows, and how sure that is when so many parts are looked at.

Among forty slices one is always bad by chance. So the intervals here hold for all slices at once: they are widened by
the largest deviation that any slice shows in the resampled days (max-T), which allows for slices that share rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import BANDS, EVENT_TIME, INPUTS, ZONE
from flights.evaluation import HIGHER_IS_BETTER, METRICS, metrics
from flights.ranking import Vector, WeightedSample, rank
from flights.resampling import CONFIDENCE, Interval, day_draws

FEWEST = 50  # positive rows, and negative ones, without which a slice says nothing
MOST = 16  # slices of one kind: the most frequent texts
RESAMPLES = 200
ASKED = ("roc_auc", "brier")
HOURS = (0, 9, 12, 15, 18, 24)  # limits of the bands of the local hour
UNITS = {column.name: column.unit for column in INPUTS}

Rows = NDArray[np.intp]
Draws = dict[str, Vector]  # by metric: shape (resamples,)


@dataclass(frozen=True)
class Slice:
    """One part of the rows, measured; the intervals of all slices hold at once."""

    kind: str
    name: str
    rows: int
    positive: float  # share
    figures: Mapping[str, Interval]
    margins: Mapping[str, Interval]  # over the champion, positive is better; empty where there is none


def sliced(rows: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Which slice of each kind a row belongs to; missing where to none."""
    local = rows[EVENT_TIME].dt.tz_convert(ZONE).dt
    texts = [column.name for column in INPUTS if column.kind == "text" and not column.personal]
    return {
        **{name: rows[name].where(rows[name].isin(rows[name].value_counts().index[:MOST])) for name in texts},
        "month": local.strftime("%Y-%m"),
        "hour": banded(local.hour, HOURS, "h"),
        **{name: banded(rows[name], limits, UNITS[name]) for name, limits in BANDS.items()},
    }


def banded(values: "pd.Series[Any]", limits: tuple[int, ...], unit: str) -> "pd.Series[Any]":
    """The band that each value lies in, in words."""
    names = [f"{low}-{high} {unit}" for low, high in pairwise(limits)]
    return pd.cut(values, limits, right=False, labels=names)


def members(rows: pd.DataFrame, truth: Vector) -> dict[tuple[str, str], Rows]:
    """Places of the rows of each slice that is large enough to be measured."""
    found = {}
    for kind, names in sliced(rows).items():
        placed = names.reset_index(drop=True)
        for name, places in placed.groupby(placed, observed=True).groups.items():
            positive = truth[places].sum()
            if min(positive, len(places) - positive) >= FEWEST:
                found[kind, str(name)] = np.asarray(places)
    return found


def measured(
    rows: pd.DataFrame, truth: Vector, days: NDArray[Any], ours: Vector, champion: Vector | None, seed: int
) -> list[Slice]:
    """Every slice with its figures and, where there is a champion, its margins over it."""
    parts = members(rows, truth)
    _, day = np.unique(days, return_inverse=True)
    counts = day_draws(days, seed, RESAMPLES)

    def of(probabilities: Vector) -> dict[tuple[str, str], tuple[dict[str, float], Draws]]:
        return {key: figures(truth[each], probabilities[each], day[each], counts) for key, each in parts.items()}

    mine = of(ours)
    theirs = mine if champion is None else of(champion)
    sign = {name: 1 if name in HIGHER_IS_BETTER else -1 for name in ASKED}
    found: dict[str, dict[tuple[str, str], Interval]] = {}
    gains: dict[str, dict[tuple[str, str], Interval]] = {}
    for name in ASKED:
        found[name] = at_once({key: (value[name], drawn[name]) for key, (value, drawn) in mine.items()})
        gains[name] = at_once(
            {
                key: (sign[name] * (mine[key][0][name] - value[name]), sign[name] * (mine[key][1][name] - drawn[name]))
                for key, (value, drawn) in theirs.items()
            }
        )
    return [
        Slice(
            *key,
            len(places),
            float(truth[places].mean()),
            {name: found[name][key] for name in ASKED},
            {} if champion is None else {name: gains[name][key] for name in ASKED},
        )
        for key, places in parts.items()
    ]


def figures(truth: Vector, probabilities: Vector, day: Rows, counts: Vector) -> tuple[dict[str, float], Draws]:
    """One slice's metrics, and the same on resampled days; NaN where its days were not drawn."""
    rows = rank(truth, probabilities)
    day = day[rows.order]
    drawn = np.full((len(counts), len(ASKED)), np.nan)
    for draw, count in zip(drawn, counts, strict=True):
        if (weights := count[day]).any():
            draw[:] = [METRICS[name](WeightedSample(rows, weights)) for name in ASKED]
    return metrics(rows, ASKED), dict(zip(ASKED, drawn.T, strict=True))


def at_once(measured: Mapping[Any, tuple[float, Vector]]) -> dict[Any, Interval]:
    """Intervals that all hold at the same time in 95 % of the resampled sets of days."""
    if not measured:
        return {}
    values = np.array([value for value, _ in measured.values()])
    drawn = np.stack([draws for _, draws in measured.values()])
    spread = np.nanstd(drawn, axis=1) + 1e-12
    furthest = np.nanmax(np.abs(drawn - values[:, None]) / spread[:, None], axis=0)
    reach = np.quantile(furthest, CONFIDENCE) * spread
    return {
        key: Interval(float(value), float(value - each), float(value + each))
        for key, value, each in zip(measured, values, reach, strict=True)
    }
