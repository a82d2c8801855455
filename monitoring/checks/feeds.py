"""Whether the upstream feeds still deliver: missing, frozen, inconsistent, or wrong at one site.

Drift does not show these failures: a frozen report is a perfectly usual one. So each feed gets four checks that its
values cannot fool. Do they come, do they change from hour to hour, do they agree with each other as usual, and does
each site differ from the others as usual? The season and storms move none of the four.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import EVENT_TIME, INPUTS, LOCATION
from monitoring.check import Check
from monitoring.view import View

FEEDS = tuple(dict.fromkeys(column.feed for column in INPUTS if column.feed))
MAX_MISSING = 0.2  # share of a column beyond its emptiest clean day
MAX_STALENESS = 0.7  # of a feed's values; 0.47 on clean days, 0.93 if the whole feed is frozen
MAX_RESIDUAL = 2.0  # times the largest residual of a clean day
MAX_OUTLIER = 4.5  # times the reference day on which a site differed most from the others; storms reach 3.9
MIN_DIFFERENCE = 0.02  # share or unit, for a site that never differed
RIDGE = 0.01  # keeps columns that repeat each other from dividing by nothing
EPSILON = 1e-9

Matrix = NDArray[np.float64]


def checks(view: View) -> list[Check]:
    """Four checks for each feed."""
    live = view.full_days
    reference = as_small_as(live, view.model.reference)
    return [check for feed in FEEDS for check in feed_checks(reference, live, feed)]


def as_small_as(live: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """The reference, thinned if live days have far fewer rows: its clean days then vary as much as theirs."""
    sizes = [rows.groupby("day").size().median() for rows in (reference, live)]
    every = int(sizes[0] // sizes[1]) if sizes[1] > 0 else 1
    return reference.sort_values(EVENT_TIME).iloc[::every] if every > 1 else reference


def feed_checks(reference: pd.DataFrame, rows: pd.DataFrame, feed: str) -> list[Check]:
    """The checks of one feed; both frames hold the inputs and their local `day`."""
    empty = (missing(rows, feed) - missing(reference, feed).max()).max(axis=1)
    inconsistent = (residual(reference, rows, feed).abs() / clean_residual(reference, feed)).max(axis=1)
    usual, now = site_differences(reference, feed), site_differences(rows, feed)
    most = (usual - usual.median()).abs().max() + MIN_DIFFERENCE
    outlier = ((now - usual.median()).abs() / most).max(axis=1)
    frozen = Check(
        f"{feed}: frozen",
        "feed",
        "share",
        staleness(rows, feed),
        high=MAX_STALENESS,
        sentence=f"{feed}: {{}} of values frozen",
    )
    return [
        Check(
            f"{feed}: missing",
            "feed",
            "share",
            empty,
            high=MAX_MISSING,
            sentence=f"{feed}: {{}} of values missing",
        ),
        *([frozen] if is_shared(reference, feed) else []),
        Check(f"{feed}: residual", "feed", "times the usual", inconsistent, high=MAX_RESIDUAL),
        Check(f"{feed}: site outlier", "feed", "times the usual", outlier, high=MAX_OUTLIER),
    ]


def feed_columns(feed: str) -> list[str]:
    """Names of the numbers that a feed fills."""
    return [column.name for column in INPUTS if column.feed == feed and column.kind == "number"]


def missing(rows: pd.DataFrame, feed: str) -> pd.DataFrame:
    """Share of a day's rows in which each column of a feed is missing."""
    return rows[feed_columns(feed)].isna().groupby(rows["day"]).mean()


def is_shared(rows: pd.DataFrame, feed: str) -> bool:
    """Whether all rows of a site and hour get the same values of a feed; only such a feed can be seen to freeze."""
    hour = rows[EVENT_TIME].dt.floor("h")
    values = rows.groupby([LOCATION, "day", hour])[feed_columns(feed)].nunique().max(axis=1)
    return bool((values <= 1).mean() > 0.5)


def staleness(rows: pd.DataFrame, feed: str) -> "pd.Series[float]":
    """Share of a feed's values, over a day's hours, that repeat the last ones of their site to the digit."""
    names = feed_columns(feed)
    hour = rows[EVENT_TIME].dt.floor("h")
    first = rows[rows[names].notna().any(axis=1)].groupby([LOCATION, "day", hour])[names].first().fillna(np.inf)
    same = first.eq(first.groupby([LOCATION, "day"]).shift()).mean(axis=1)
    return same.groupby("day").mean().reindex(sorted(rows["day"].unique())).astype(float)


def residual(reference: pd.DataFrame, rows: pd.DataFrame, feed: str) -> pd.DataFrame:
    """How far each column of a feed is, on a day's mean, from what the feed's other columns predict.

    In standard deviations of what remains when the reference's columns are predicted, linearly, from each other.
    """
    names = feed_columns(feed)
    centre, spread = reference[names].mean().fillna(0.0), reference[names].std().fillna(0.0) + EPSILON
    usual = ((reference[names] - centre) / spread).fillna(0.0).to_numpy()
    precision = np.linalg.inv(usual.T @ usual / max(len(usual), 1) + RIDGE * np.eye(len(names)))
    scaled = ((rows[names] - centre) / spread).fillna(0.0).to_numpy()
    rest: Matrix = scaled @ precision / np.sqrt(np.diag(precision))
    return pd.DataFrame(rest, columns=names).groupby(rows["day"].to_numpy()).mean()


def clean_residual(reference: pd.DataFrame, feed: str) -> "pd.Series[float]":
    """The largest residual of a clean day, by column: each half of the reference predicted from the other half."""
    middle = reference["day"].min() + (reference["day"].max() - reference["day"].min()) / 2
    first, second = reference[reference["day"] <= middle], reference[reference["day"] > middle]
    return pd.concat([residual(first, second, feed), residual(second, first, feed)]).abs().max() + EPSILON


def site_differences(rows: pd.DataFrame, feed: str) -> pd.DataFrame:
    """By how much each site's mean and share of missing values differ from the other sites', day by day."""
    names = feed_columns(feed)
    sites = [rows["day"], rows[LOCATION]]
    absent = rows[names].isna().groupby(sites).mean().add_suffix(" missing")
    table = pd.concat([rows.groupby(["day", LOCATION])[names].mean(), absent], axis=1)
    by_day = table.groupby(level=0)
    others = (by_day.transform("sum") - table) / (by_day.transform("count") - 1).replace(0, np.nan)
    return pd.DataFrame((table - others).unstack())
