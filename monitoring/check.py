"""One check: a value a day, the range in which it belongs, and the rule by which it becomes an alarm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

NEEDED, OF = 3, 5  # an alarm: the newest day and two more of the last five are out of range


@dataclass(frozen=True)
class Check:
    """Values by local day, NaN without one; `cause` names the kind of failure that would move them."""

    name: str
    cause: str
    unit: str  # "share" is shown in percent
    values: "pd.Series[float]"
    low: float = -math.inf
    high: float = math.inf
    needed: int = NEEDED
    of: int = OF
    sentence: str = ""  # how a value is told, with {} for the value; by default "name: {}"
    rows: "pd.Series[int] | None" = None  # behind each day's value, if too few of them say nothing
    min_rows: int = 0

    def __post_init__(self) -> None:
        """Give a check without any value an index of days, too."""
        if self.values.empty:
            object.__setattr__(self, "values", pd.Series(dtype=float, index=pd.DatetimeIndex([])))


@dataclass(frozen=True)
class Alarm:
    """Days in a row on which a check fired, the last one included."""

    check: Check
    first: pd.Timestamp
    last: pd.Timestamp


def out_of_range(check: Check) -> "pd.Series[bool]":
    """Whether each day's value is out of range; without a value, or with too few rows, it is not."""
    measured = check.values.where(has_enough_rows(check))
    return (measured < check.low) | (measured > check.high)


def has_enough_rows(check: Check) -> "pd.Series[bool]":
    """Whether enough rows are behind each day's value for its limit to mean anything."""
    if check.rows is None:
        return pd.Series(data=True, index=check.values.index)
    return check.rows.reindex(check.values.index, fill_value=0) >= check.min_rows


def is_firing(check: Check) -> "pd.Series[bool]":
    """Whether the check fires on each day that has a value: this day and enough of the last ones are out of range."""
    outside = out_of_range(check)[check.values.notna() & has_enough_rows(check)]
    return outside & (outside.rolling(check.of, min_periods=1).sum() >= check.needed)


def alarms(check: Check) -> list[Alarm]:
    """The stretches of days on which the check fired, oldest first."""
    firing = is_firing(check)
    stretch = (firing != firing.shift()).cumsum()[firing]
    return [Alarm(check, days.index[0], days.index[-1]) for _, days in firing[firing].groupby(stretch)]


def all_alarms(checks: Sequence[Check]) -> list[Alarm]:
    """Every alarm of every check, the newest first."""
    return sorted((alarm for check in checks for alarm in alarms(check)), key=lambda alarm: alarm.first, reverse=True)


def describe(check: Check, day: pd.Timestamp) -> str:
    """One day's value with its limit, for a person."""
    value = check.values[day]
    limit = check.low if value < check.low else check.high
    told = (check.sentence or f"{check.name}: {{}}").format(amount(value, check.unit))
    return f"{told} on {day:%F} (limit {amount(limit, check.unit)})"


def amount(value: float, unit: str) -> str:
    """A value with its unit."""
    return f"{100 * value:.3g} %" if unit == "share" else f"{value:.3g} {unit}".strip()
