"""The local clock of the operation: converts UTC times without pandas, in the zone that `dataset.ZONE` names."""

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from flights.columns import Times
from flights.dataset import ZONE

Minutes = NDArray[np.int64]

FIRST_YEAR, LAST_YEAR = 2000, 2050  # of the clock changes known; beyond them the nearest offset holds


def local_minutes(times: Times) -> Minutes:
    """Local time at some UTC times, in minutes since 1970."""
    changes, offsets = clock_changes()
    minutes = times.astype("datetime64[m]").astype(np.int64)
    return minutes + offsets[changes.searchsorted(minutes, side="right")]


@cache
def clock_changes() -> tuple[Minutes, Minutes]:
    """The clock changes (UTC minutes since 1970) and the minutes ahead of UTC, before the first and after each."""
    days = 1440 * np.arange(f"{FIRST_YEAR}", f"{LAST_YEAR + 1}", dtype="datetime64[D]").astype(np.int64)
    eves = days[:-1][np.diff(minutes_ahead(days)) != 0]
    quarters = np.append(days[:1], eves[:, None] + np.arange(0, 1455, 15))  # a zone without changes has the first only
    ahead = minutes_ahead(quarters)
    after = 1 + np.flatnonzero(np.diff(ahead))
    return quarters[after], ahead[np.append(0, after)]


def minutes_ahead(moments: Minutes) -> Minutes:
    """Minutes that local time is ahead of UTC, at some UTC minutes since 1970."""
    zone = ZoneInfo(ZONE)
    offsets = [datetime.fromtimestamp(60 * minute, zone).utcoffset() for minute in moments.tolist()]
    return np.array(offsets, "timedelta64[m]").astype(np.int64)
