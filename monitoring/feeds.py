"""Whether the upstream feeds still deliver: silent, stuck, out of tune with themselves, or strange at one place.

These faults hide from drift: a stuck report is a perfectly usual one. So each feed is asked four things that its values
cannot fake: do they come, do they change from hour to hour, do they agree with each other as they always did, and does
each place differ from the others as it always did. The season and storms leave all four alone.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import EVENT_TIME, INPUTS, LOCATION
from monitoring.watch import Watch

FEEDS = tuple(dict.fromkeys(column.feed for column in INPUTS if column.feed))
MOST_MISSING = 0.2  # share of a column beyond its emptiest clean day
MOST_STILLNESS = 0.7  # of what a feed says; 0.47 on clean days, 0.93 when all of it stands still
MOST_DISCORD = 2.0  # times the most discordant day of either half of the reference, seen from the other half
MOST_APART = (
    4.5  # times the day of the reference on which a place was furthest from the others; a row of storms reaches 3.9
)
SMALLEST_APART = 0.02  # share or unit by which a place that never differed must differ
RIDGE = 0.01  # keeps columns that repeat each other from dividing by nothing
EPSILON = 1e-9

Matrix = NDArray[np.float64]


def feed_watches(reference: pd.DataFrame, rows: pd.DataFrame) -> list[Watch]:
    """Four watches for each feed; both frames hold the inputs and their local `day`."""
    return [watch for feed in FEEDS for watch in _watches(reference, rows, feed)]


def _watches(reference: pd.DataFrame, rows: pd.DataFrame, feed: str) -> list[Watch]:
    empty = (missing(rows, feed) - missing(reference, feed).max()).max(axis=1)
    strange = (discord(reference, rows, feed).abs() / clean_discord(reference, feed)).max(axis=1)
    usual, now = differences(reference, feed), differences(rows, feed)
    most = (usual - usual.median()).abs().max() + SMALLEST_APART
    apart = ((now - usual.median()).abs() / most).max(axis=1)
    stuck = Watch(f"{feed}: stuck", "feed", "of what it says", stillness(rows, feed), high=MOST_STILLNESS)
    return [
        Watch(f"{feed}: missing beyond the usual", "feed", "share", empty, high=MOST_MISSING),
        *([stuck] if tells_all_the_same(reference, feed) else []),
        Watch(f"{feed}: discord", "feed", "times the usual", strange, high=MOST_DISCORD),
        Watch(f"{feed}: one place apart", "feed", "times the usual", apart, high=MOST_APART),
    ]


def fed_by(feed: str) -> list[str]:
    """Names of the numbers that a feed fills."""
    return [column.name for column in INPUTS if column.feed == feed and column.kind == "number"]


def missing(rows: pd.DataFrame, feed: str) -> pd.DataFrame:
    """Share of a day's rows in which each column of a feed is missing."""
    return rows[fed_by(feed)].isna().groupby(rows["day"]).mean()


def tells_all_the_same(rows: pd.DataFrame, feed: str) -> bool:
    """Whether all rows of a place and hour get the same of a feed; of any other, standing still cannot be told."""
    told = rows.groupby([LOCATION, "day", rows[EVENT_TIME].dt.floor("h")])[fed_by(feed)].nunique().max(axis=1)
    return bool((told <= 1).mean() > 0.5)


def stillness(rows: pd.DataFrame, feed: str) -> pd.Series:
    """Share of a feed's columns, over a day's hours, that repeat at a place to the last digit what was said before."""
    names = fed_by(feed)
    hour = rows[EVENT_TIME].dt.floor("h")
    first = rows[rows[names].notna().any(axis=1)].groupby([LOCATION, "day", hour])[names].first().fillna(np.inf)
    same = first.eq(first.groupby([LOCATION, "day"]).shift()).mean(axis=1)
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


def clean_discord(reference: pd.DataFrame, feed: str) -> "pd.Series[float]":
    """The largest discord of a clean day, by column: each half of the reference as the other half sees it."""
    middle = reference["day"].min() + (reference["day"].max() - reference["day"].min()) / 2
    first, second = reference[reference["day"] <= middle], reference[reference["day"] > middle]
    return pd.concat([discord(first, second, feed), discord(second, first, feed)]).abs().max() + EPSILON


def differences(rows: pd.DataFrame, feed: str) -> pd.DataFrame:
    """By how much each place's mean and share of missing values differ from the other places', day by day."""
    names = fed_by(feed)
    places = [rows["day"], rows[LOCATION]]
    absent = rows[names].isna().groupby(places).mean().add_suffix(" missing")
    table = pd.concat([rows.groupby(["day", LOCATION])[names].mean(), absent], axis=1)
    by_day = table.groupby(level=0)
    others = (by_day.transform("sum") - table) / (by_day.transform("count") - 1).replace(0, np.nan)
    return pd.DataFrame((table - others).unstack())
