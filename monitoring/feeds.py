"""Whether the upstream feeds still deliver: silent, stuck, or out of tune with themselves.

These faults hide from drift: a stuck report is a perfectly usual one. So each feed is asked three things that its
values cannot fake: do they come, do they change from hour to hour, do they agree with each other as they always did.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import EVENT_TIME, INPUTS
from monitoring.watch import Watch

PLACE = "origin"  # [SWAP] where a feed reports from
FEEDS = tuple(dict.fromkeys(column.feed for column in INPUTS if column.feed))
MOST_MISSING = 0.2  # share of a column beyond its emptiest clean day
MOST_STILLNESS = 0.5  # share of the hours; 0.07 on clean days
MOST_DISCORD = 3.0  # times the most discordant day of the reference; 2.5 rings once in 200 clean days
RIDGE = 0.01  # keeps columns that repeat each other from dividing by nothing
EPSILON = 1e-9

Matrix = NDArray[np.float64]


def feed_watches(reference: pd.DataFrame, rows: pd.DataFrame) -> list[Watch]:
    """Three watches for each feed; both frames hold the inputs and their local `day`."""
    watches = []
    for feed in FEEDS:
        empty = (missing(rows, feed) - missing(reference, feed).max()).max(axis=1)
        usual = discord(reference, reference, feed).abs().max() + EPSILON
        strange = (discord(reference, rows, feed).abs() / usual).max(axis=1)
        watches += [
            Watch(f"{feed}: missing beyond the usual", "feed", "share", empty, high=MOST_MISSING),
            Watch(f"{feed}: stuck", "feed", "share of the hours", stillness(rows, feed), high=MOST_STILLNESS),
            Watch(f"{feed}: discord", "feed", "times the usual", strange, high=MOST_DISCORD),
        ]
    return watches


def fed_by(feed: str) -> list[str]:
    """Names of the numbers that a feed fills."""
    return [column.name for column in INPUTS if column.feed == feed and column.kind == "number"]


def missing(rows: pd.DataFrame, feed: str) -> pd.DataFrame:
    """Share of a day's rows in which each column of a feed is missing."""
    return rows[fed_by(feed)].isna().groupby(rows["day"]).mean()


def stillness(rows: pd.DataFrame, feed: str) -> pd.Series:
    """Share of a day's hours in which a feed repeats at a place, to the last digit, what it said the hour before."""
    names = fed_by(feed)
    hour = rows[EVENT_TIME].dt.floor("h")
    first = rows[rows[names].notna().any(axis=1)].groupby([PLACE, "day", hour])[names].first().fillna(np.inf)
    same = first.eq(first.groupby([PLACE, "day"]).shift()).all(axis=1)
    return same.groupby("day").mean().reindex(sorted(rows["day"].unique())).astype(float)


def discord(reference: pd.DataFrame, rows: pd.DataFrame, feed: str) -> pd.DataFrame:
    """How far each of a feed's columns lies, on the mean of a day, from what the feed's other columns lead to expect.

    In standard deviations of what is left when the reference's columns are predicted, linearly, from each other.
    """
    names = fed_by(feed)
    centre, spread = reference[names].mean().fillna(0.0), reference[names].std().fillna(0.0) + EPSILON
    usual = ((reference[names] - centre) / spread).fillna(0.0).to_numpy()
    precision = np.linalg.inv(usual.T @ usual / max(len(usual), 1) + RIDGE * np.eye(len(names)))
    scaled = ((rows[names] - centre) / spread).fillna(0.0).to_numpy()
    rest: Matrix = scaled @ precision / np.sqrt(np.diag(precision))
    return pd.DataFrame(rest, columns=names).groupby(rows["day"].to_numpy()).mean()
