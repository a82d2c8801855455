"""Whether the traffic still looks as it did: distances of each column, day by day, from the days before.

A day is compared with the last clean days before it, first those of the champion's reference, so the season is no
drift. Distances, not tests: on large windows every test is significant. How far a clean day strays is measured on the
reference itself, and an alarm needs to stray well beyond that. Columns that move with the date are left out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import EVENT_TIME, INPUTS, ZONE
from monitoring.watch import Watch, fires

PAST_DAYS = 28  # a day is compared with this many clean days before it: whole weeks
MARGIN = 2.5  # an alarm needs this many times the largest distance between clean days; a storm reaches 2
DAY_ROWS = 100  # rows of one day, evenly spaced, that stand for it in the past
MOST_NEW = 0.02  # share of a day's rows with a text that the reference does not know; at most 0.01 on clean days
OTHER = "__other__"  # a text that the reference does not know; what a stranger sent is never shown
PROBABILITY = "probability"
HOUR = "hour of day"

NUMBERS = (HOUR, *(column.name for column in INPUTS if column.kind == "number" and not column.calendar), PROBABILITY)
TEXTS = tuple(column.name for column in INPUTS if column.kind == "text" and not column.personal)
WATCHED = (*NUMBERS, *TEXTS)
UNITS = dict.fromkeys(NUMBERS, "sd") | dict.fromkeys(TEXTS, "Jensen-Shannon")

Values = NDArray[Any]


def watched(rows: pd.DataFrame, known: dict[str, set[str]] | None = None) -> pd.DataFrame:
    """The columns to watch: numbers as they are, the local hour, and texts, where `known` is given only known ones."""
    hour = rows[EVENT_TIME].dt.tz_convert(ZONE).dt
    frame = rows[list(TEXTS)].astype(object).assign(**{HOUR: hour.hour + hour.minute / 60})
    frame[list(NUMBERS[1:])] = rows[list(NUMBERS[1:])].astype(np.float64)
    for name, allowed in (known or {}).items():
        frame[name] = frame[name].where(frame[name].isin(allowed) | frame[name].isna(), OTHER)
    return frame[list(WATCHED)]


def known_texts(reference: pd.DataFrame) -> dict[str, set[str]]:
    """The texts that the reference holds."""
    return {name: set(reference[name].dropna()) for name in TEXTS}


def daily_distances(reference: pd.DataFrame, live: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Distance of every day's every column from the clean days before it, and the level above which it is drift.

    Parameters
    ----------
    reference, live
        Watched columns, indexed by local day.

    Returns
    -------
    One row a live day, one column a watched column; NaN where a day has no values, or had none to compare with. And
    one level a column.
    """
    distances, levels = {}, {}
    for name in WATCHED:
        days = [values for _, values in _daily(reference[name])]
        past = [thinned(values) for values in days]
        strays = [distance(np.concatenate(past[max(0, day - PAST_DAYS) : day]), days[day]) for day in _tried(len(days))]
        levels[name] = MARGIN * float(np.nanmax(strays)) if np.isfinite(strays).any() else np.nan
        distances[name] = _strays(past, live[name], levels[name])
    return pd.DataFrame(distances), pd.Series(levels)


def drift_watches(distances: pd.DataFrame, levels: "pd.Series[float]") -> list[Watch]:
    """One watch for each column; an hour of the day that moves is no drift but a wrong clock."""
    return [
        Watch(f"{name}: drift", "feed" if name == HOUR else "drift", UNITS[name], distances[name], high=levels[name])
        for name in WATCHED
        if np.isfinite(levels[name])
    ]


def newcomers(live: pd.DataFrame) -> Watch:
    """Share of a day's rows in which a text is new."""
    new = (live[list(TEXTS)] == OTHER).any(axis=1).astype(float)
    return Watch("texts never seen before", "drift", "share", new.groupby(level=0).mean(), high=MOST_NEW)


def drifted_share(watches: Sequence[Watch]) -> "pd.Series[float]":
    """Share of the watched columns that drift, day by day."""
    return pd.DataFrame({watch.name: fires(watch) for watch in watches}).astype(float).mean(axis=1)


def distance(past: Values, current: Values) -> float:
    """How far apart two samples are: Wasserstein in standard deviations of the past, Jensen-Shannon for text."""
    if not (len(past) and len(current)):
        return float("nan")
    if past.dtype == object:
        return jensen_shannon(Counter(past), Counter(current))
    return wasserstein(past, current) / max(float(past.std()), 0.001)


def wasserstein(past: Values, current: Values) -> float:
    """Area between the two cumulative distributions."""
    both = np.sort(np.concatenate([past, current]))
    gaps = [np.searchsorted(np.sort(sample), both[:-1], side="right") / len(sample) for sample in (past, current)]
    return float(np.abs(gaps[0] - gaps[1]) @ np.diff(both))


def jensen_shannon(past: Counter[str], current: Counter[str]) -> float:
    """Root of the mean divergence of two distributions from the one between them, in nats; at most 0.83."""
    shares = np.array([[counts[name] / counts.total() for name in past | current] for counts in (past, current)])
    ratio = np.divide(shares, shares.mean(axis=0), out=np.ones_like(shares), where=shares > 0)
    return float(np.sqrt(max(np.sum(shares * np.log(ratio)) / 2, 0.0)))


def _strays(past: list[Values], live: "pd.Series[Any]", level: float) -> "pd.Series[float]":
    """Distances of the live days in turn; a day that strays beyond the level does not join the past."""
    clean, found = list(past[-PAST_DAYS:]), {}
    for day, values in _daily(live):
        found[day] = distance(np.concatenate(clean), values) if clean else float("nan")
        if not found[day] > level:
            clean = [*clean, thinned(values)][-PAST_DAYS:]
    return pd.Series(found, dtype=np.float64)


def _daily(column: "pd.Series[Any]") -> Iterator[tuple[Any, Values]]:
    """Each day's values without the missing ones."""
    for day, values in column.groupby(level=0):
        yield day, values.dropna().to_numpy()


def thinned(values: Values) -> Values:
    """About `DAY_ROWS` of the values, evenly spaced."""
    return values[:: max(1, len(values) // DAY_ROWS)]


def _tried(days: int) -> range:
    """Which days of the reference are compared with the ones before: those with a fair past."""
    return range(min(PAST_DAYS, days // 2), days)
