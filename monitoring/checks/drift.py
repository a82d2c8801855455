"""Whether the traffic still looks as it did: distances of each column, day by day, from the days before.

A day is compared with the last clean days before it, so the season is no drift. Distances, not tests: on large windows
every test is significant. The limit is well beyond the distances between clean days of the reference, but never
beyond what the contract lets a column do. Columns that move with the date are left out.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from flights.dataset import EVENT_TIME, INPUTS, ZONE
from monitoring.check import NEEDED, OF, Check
from monitoring.distances import DAY_ROWS, Values, distance, jensen_shannon, thinned
from monitoring.view import View

PAST_DAYS = 28  # a day is compared with this many clean days before it: whole weeks
MARGIN = 2.5  # times the largest distance between clean days; a storm reaches 2
MAX_NOISE = 2 / 3  # of the way to the contract's bound, kept up by clean days: such a column is not checked
OTHER = "__other__"  # a category that the reference does not know; what a client sent is never shown
PROBABILITY = "probability"
HOUR = "hour of day"

NUMBERS = (HOUR, *(column.name for column in INPUTS if column.kind == "number" and not column.calendar), PROBABILITY)
TEXTS = tuple(column.name for column in INPUTS if column.kind == "text" and not column.personal)
COLUMNS = (*NUMBERS, *TEXTS)
BOUNDS = {column.name: (column.minimum, column.maximum) for column in INPUTS if column.name in NUMBERS}
BOUNDS |= {HOUR: (0.0, 24.0), PROBABILITY: (0.0, 1.0)}


def checks(view: View) -> list[Check]:
    """One check for each column; an hour of the day that moves is a wrong clock, not drift."""
    reference, live = view.model.reference, view.full_days
    known = known_texts(reference)
    distances, limits = daily_distances(drift_columns(reference, known), drift_columns(live, known))
    return [
        Check(
            f"{name}: drift",
            "feed" if name == HOUR else "drift",
            "sd" if name in NUMBERS else "Jensen-Shannon",
            distances[name],
            high=limits[name],
            sentence=f"{name}: drift of {{}}",
        )
        for name in COLUMNS
        if np.isfinite(limits[name])
    ]


def drift_columns(rows: pd.DataFrame, known: dict[str, set[str]]) -> pd.DataFrame:
    """The columns to compare, by local day in order: numbers, the local hour, and texts if they are known."""
    hour = rows[EVENT_TIME].dt.tz_convert(ZONE).dt
    frame = rows[list(TEXTS)].astype(object).assign(**{HOUR: hour.hour + hour.minute / 60})
    frame[list(NUMBERS[1:])] = rows[list(NUMBERS[1:])].astype(np.float64)
    for name in TEXTS:
        frame[name] = frame[name].where(frame[name].isin(known[name]) | frame[name].isna(), OTHER)
    return frame[list(COLUMNS)].set_index(rows["day"]).sort_index(kind="stable")


def known_texts(reference: pd.DataFrame) -> dict[str, set[str]]:
    """The categories that the reference holds."""
    return {name: set(reference[name].dropna().unique()) for name in TEXTS}


def daily_distances(reference: pd.DataFrame, live: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Distance of every day's every column from the clean days before it, and the limit of each column.

    A distance is NaN if a day has no values, or none to compare with; a limit, if none is beyond clean days and within
    the contract.
    """
    distances, limits = {}, {}
    for name in COLUMNS:
        days, now = _daily(reference[name]), _daily(live[name])
        rows = [len(values) for values in now.values()]
        std = 1.0 if name in TEXTS else max(float(reference[name].std()), 0.001)
        past = [thinned(values) for values in days.values()]
        clean = [
            distance(
                np.concatenate(past[max(0, day - PAST_DAYS) : day]),
                thinned(values, int(np.median(rows or [DAY_ROWS]))),
                std,
            )
            for day, values in enumerate(days.values())
            if day >= max(1, min(PAST_DAYS, len(days) // 2))  # those with enough past
        ]
        limits[name] = limit(clean, maximum(name, reference[name].dropna().to_numpy(), std))
        distances[name] = _distances(past, now, limits[name], std)
    return pd.DataFrame(distances), pd.Series(limits)


def limit(distances: Sequence[float], most: float) -> float:
    """The distance above which a column drifts: far beyond a clean day, and at most half of the way to `most`.

    That way begins at the distance that clean days have kept up for as long as an alarm takes. NaN if it is too short.
    """
    clean = [distance for distance in distances if np.isfinite(distance)]
    if not clean:
        return float("nan")
    kept_up = max(sorted(clean[day : day + OF])[-NEEDED:][0] for day in range(max(1, len(clean) - OF + 1)))
    return min(MARGIN * max(clean), (kept_up + most) / 2) if kept_up <= MAX_NOISE * most else float("nan")


def maximum(name: str, values: Values, std: float) -> float:
    """The largest distance that the contract allows: all of a day at one bound, or all of it the rarest text."""
    if not len(values):
        return float("nan")
    if name in TEXTS:
        counts = Counter(values)
        return jensen_shannon(counts, Counter([min(counts, key=counts.__getitem__)]))
    bounds = [np.inf if bound is None else bound for bound in BOUNDS[name]]
    return max(float(np.abs(values - bound).mean()) for bound in bounds) / std


def _distances(past: list[Values], live: dict[Any, Values], limit: float, std: float) -> "pd.Series[float]":
    """Distances of the live days in turn; a day beyond the limit does not join the past."""
    clean, found = list(past[-PAST_DAYS:]), {}
    for day, values in live.items():
        found[day] = distance(np.concatenate(clean), values, std) if clean else float("nan")
        if np.isnan(limit) or np.isnan(found[day]) or found[day] <= limit:
            clean = [*clean, thinned(values)][-PAST_DAYS:]
    return pd.Series(found, dtype=np.float64)


def _daily(column: "pd.Series[Any]") -> dict[Any, Values]:
    """Each day's values without the missing ones, of a column that is in the order of its days."""
    days, found = column.index.unique(), column.dropna()
    return dict(zip(days, np.split(found.to_numpy(), found.index.searchsorted(days))[1:], strict=True))
