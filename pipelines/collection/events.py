"""Sums and means of events over time windows, by group; times are whole minutes since 1970, UTC."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.clock import local_minutes

MISSING_MINUTE = 2**31  # after everything: the event never happened

Minutes = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Amounts by group and minute, sorted, as running totals: any window is two look-ups."""

    keys: Minutes
    totals: Numbers


def events(groups: Minutes, minutes: Minutes, amounts: Numbers | None = None) -> Events:
    """Sort events for `amount_between`; those at `MISSING_MINUTE` drop out."""
    happened = minutes < MISSING_MINUTE
    keys = groups[happened] * MISSING_MINUTE + minutes[happened]
    order = np.argsort(keys, kind="stable")
    amounts = np.ones(len(minutes)) if amounts is None else amounts
    return Events(keys[order], np.concatenate([[0.0], np.cumsum(amounts[happened][order])]))


def amount_between(happened: Events, groups: Minutes, after: Minutes, until: Minutes) -> Numbers:
    """Sum of the group's amounts after one minute and until another, the latter included; one value per query."""
    first = np.searchsorted(happened.keys, groups * MISSING_MINUTE + after, side="right")
    last = np.searchsorted(happened.keys, groups * MISSING_MINUTE + until, side="right")
    return happened.totals[last] - happened.totals[first]


def mean_between(groups: Minutes, minutes: Minutes, amounts: Numbers, after: Minutes, until: Minutes) -> Numbers:
    """Mean amount of the events of each row's group in each row's window; missing where there were none."""
    total = amount_between(events(groups, minutes, amounts), groups, after, until)
    count = amount_between(events(groups, minutes), groups, after, until)
    mean = np.full(len(count), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def codes(values: pd.Series) -> Minutes:
    """A number for each distinct text."""
    return pd.factorize(values, sort=True)[0].astype(np.int64)


def minutes_since_1970(times: pd.Series) -> Minutes:
    """Whole minutes of UTC times; `MISSING_MINUTE` where missing."""
    minutes = times.dt.tz_convert(None).to_numpy("datetime64[m]")
    return np.where(np.isnat(minutes), MISSING_MINUTE, minutes.astype(np.int64))


def service_day(minutes: Minutes) -> Minutes:
    """The local date of each minute, as days since 1970."""
    return local_minutes(minutes.astype("datetime64[m]")) // 1440
