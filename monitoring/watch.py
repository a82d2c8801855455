"""One watched figure: a value a day, the band in which it is as it should be, and when it counts as an alarm."""

import math
from dataclasses import dataclass

import pandas as pd

NEEDED, OF = 3, 5  # an alarm: the newest day and two more of the last five are outside the band


@dataclass(frozen=True)
class Watch:
    """A figure by local day, NaN where there is none; `points_at` names the kind of fault that would move it."""

    name: str
    points_at: str
    unit: str
    values: pd.Series
    low: float = -math.inf
    high: float = math.inf
    needed: int = NEEDED
    of: int = OF


@dataclass(frozen=True)
class Alarm:
    """Days in a row on which a watch fired, the last one included."""

    watch: Watch
    first: pd.Timestamp
    last: pd.Timestamp


def outside(watch: Watch) -> pd.Series:
    """Whether each day's value lies outside the band; a day without a value does not."""
    return (watch.values < watch.low) | (watch.values > watch.high)


def fires(watch: Watch) -> pd.Series:
    """Whether the watch fires on each day that has a value: this day and enough of the last ones are outside."""
    there = outside(watch)[watch.values.notna()]
    return there & (there.rolling(watch.of, min_periods=1).sum() >= watch.needed)


def alarms(watch: Watch) -> list[Alarm]:
    """The stretches of days on which the watch fired, oldest first."""
    firing = fires(watch)
    stretch = (firing != firing.shift()).cumsum()[firing]
    return [Alarm(watch, days.index[0], days.index[-1]) for _, days in firing[firing].groupby(stretch)]


def words(watch: Watch, day: pd.Timestamp) -> str:
    """One day's value against its band, for a person."""
    value = watch.values[day]
    limit = f"below {watch.low:.3g}" if value < watch.low else f"above {watch.high:.3g}"
    unit = f" {watch.unit}" if watch.unit else ""
    return f"{watch.name} is {value:.3g}{unit} on {day:%F}, {limit}"
