"""Whether the traffic still looks as it did: distances of each column, day by day, from the days before.

A day is compared with the last clean days before it, first those of the champion's reference, so the season is no
drift. Distances, not tests: on large windows every test is significant. How far a clean day strays is measured on the
reference itself, with as many rows as a live day has, and an alarm needs to stray well beyond that, though never
further than the contract lets a column go: no watch that cannot ring. Columns that move with the date are left out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import EVENT_TIME, INPUTS, ZONE
from monitoring.watch import NEEDED, OF, Watch, fires

PAST_DAYS = 28  # a day is compared with this many clean days before it: whole weeks
MARGIN = 2.5  # an alarm needs this many times the largest distance between clean days; a storm reaches 2
MOST_NOISE = 2 / 3  # of the way to the contract's bound, kept up by clean days: a column with more is not watched
DAY_ROWS = 100  # rows of one day, evenly spaced, that stand for it in the past
MOST_NEW = 0.02  # share of a day's rows with a text that the reference does not know; at most 0.01 on clean days
OTHER = "__other__"  # a text that the reference does not know; what a stranger sent is never shown
PROBABILITY = "probability"
HOUR = "hour of day"

NUMBERS = (HOUR, *(column.name for column in INPUTS if column.kind == "number" and not column.calendar), PROBABILITY)
TEXTS = tuple(column.name for column in INPUTS if column.kind == "text" and not column.personal)
WATCHED = (*NUMBERS, *TEXTS)
BOUNDS = {HOUR: (0.0, 24.0), PROBABILITY: (0.0, 1.0)} | {
    column.name: (
        -np.inf if column.minimum is None else column.minimum,
        np.inf if column.maximum is None else column.maximum,
    )
    for column in INPUTS
    if column.name in NUMBERS
}
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
    one level a column; NaN where none is beyond clean days and within the contract.
    """
    distances, levels = {}, {}
    for name in WATCHED:
        days = [values for _, values in _daily(reference[name])]
        rows = [len(values) for _, values in _daily(live[name])]
        spread = spread_of(reference[name])
        past = [thinned(values) for values in days]
        strays = [
            distance(
                np.concatenate(past[max(0, day - PAST_DAYS) : day]),
                thinned(days[day], int(np.median(rows or [DAY_ROWS]))),
                spread,
            )
            for day in _tried(len(days))
        ]
        levels[name] = level(strays, furthest(name, reference[name].dropna().to_numpy(), spread))
        distances[name] = _strays(past, live[name], levels[name], spread)
    return pd.DataFrame(distances), pd.Series(levels)


def spread_of(column: "pd.Series[Any]") -> float:
    """The unit of a number's distances: its standard deviation in the reference; texts need none."""
    return 1.0 if column.dtype == object else max(float(column.std()), 0.001)


def level(strays: Sequence[float], most: float) -> float:
    """The distance above which a column drifts: far beyond a clean day, and at most half of the way to `most`.

    That way begins where clean days have stayed for as long as an alarm takes. NaN where it is too short.
    """
    clean = [stray for stray in strays if np.isfinite(stray)]
    if not clean:
        return float("nan")
    kept_up = max(sorted(clean[day : day + OF])[-NEEDED:][0] for day in range(max(1, len(clean) - OF + 1)))
    return min(MARGIN * max(clean), (kept_up + most) / 2) if kept_up <= MOST_NOISE * most else float("nan")


def furthest(name: str, values: Values, spread: float) -> float:
    """The largest distance that the contract allows: all of a day at one bound, or all of it the rarest text."""
    if not len(values):
        return float("nan")
    if name in TEXTS:
        counts = Counter(values)
        return max(jensen_shannon(counts, Counter([text])) for text in counts)
    return max(float(np.abs(values - bound).mean()) for bound in BOUNDS[name]) / spread


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


def distance(past: Values, current: Values, spread: float = 1.0) -> float:
    """How far apart two samples are: Wasserstein in units of `spread`, Jensen-Shannon for text."""
    if not (len(past) and len(current)):
        return float("nan")
    if past.dtype == object:
        return jensen_shannon(Counter(past), Counter(current))
    return wasserstein(past, current) / spread


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


def _strays(past: list[Values], live: "pd.Series[Any]", level: float, spread: float) -> "pd.Series[float]":
    """Distances of the live days in turn; a day that strays beyond the level does not join the past."""
    clean, found = list(past[-PAST_DAYS:]), {}
    for day, values in _daily(live):
        found[day] = distance(np.concatenate(clean), values, spread) if clean else float("nan")
        if not found[day] > level:
            clean = [*clean, thinned(values)][-PAST_DAYS:]
    return pd.Series(found, dtype=np.float64)


def _daily(column: "pd.Series[Any]") -> Iterator[tuple[Any, Values]]:
    """Each day's values without the missing ones."""
    for day, values in column.groupby(level=0):
        yield day, values.dropna().to_numpy()


def thinned(values: Values, rows: int = DAY_ROWS) -> Values:
    """So many of the values, evenly spaced; all where there are fewer."""
    chosen: Values = values[np.linspace(0, len(values) - 1, min(rows, len(values))).astype(int)]
    return chosen


def _tried(days: int) -> range:
    """Which days of the reference are compared with the ones before: those with a fair past."""
    return range(min(PAST_DAYS, days // 2), days)
