"""Dates of the splits, chosen from the time column."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from extras.new.infer import Draft
from extras.new.roles import Rejected

PART = 0.12  # of the rows: live, and validation and holdout without their gaps
MIN_OF_CLASS = 10  # positive rows, and negative ones, in validation and holdout


@dataclass(frozen=True)
class Dates:
    """Where the parts of the splits begin, and how many labelled rows they have."""

    as_of: pd.Timestamp
    holdout_days: int
    validation_days: int
    gap_days: int
    counts: dict[str, tuple[int, int]]  # labelled rows, and positive ones


def split_dates(found: Draft) -> Dates:
    """Choose dates by shares of the rows, so that every label of a part was known when the next one begins."""
    options, roles = found.options, found.roles
    gap = max(1, options.delay_days) + 1  # the last row of a day is later than its beginning
    local = roles.times.dt.tz_convert(options.zone).dt.tz_localize(None)
    days = local.dt.normalize()
    day = pd.Timedelta(days=1)
    live = days.iloc[int((1 - PART) * (len(days) - 1))]
    holdout = beginning(days, live - gap * day)
    validation = beginning(days, holdout - gap * day)
    parts = {
        "train": (days.iloc[0], validation - gap * day),
        "validation": (validation, holdout - gap * day),
        "holdout": (holdout, live - gap * day),
        "live": (live, days.iloc[-1] + day),
    }
    counts = {}
    for name, (start, end) in parts.items():
        known = roles.targets[(local >= start) & (local < end)].dropna()
        counts[name] = (len(known), int(known.sum()))
    for name in ("train", "validation", "holdout"):
        known, positive = counts[name]
        if min(positive, known - positive) < MIN_OF_CLASS:
            raise Rejected(
                f"the table is too short: {name} ({parts[name][0]:%F} to {parts[name][1]:%F}) has {known:,} labelled "
                f"rows, {positive:,} of them positive, and {MIN_OF_CLASS} of each are needed. The table runs from "
                f"{days.iloc[0]:%F} to {days.iloc[-1]:%F}; labels take DELAY_DAYS={options.delay_days}, which is left "
                "out between the parts: give more rows, or a smaller DELAY_DAYS if labels come earlier"
            )
    return Dates(live, (live - holdout).days, (holdout - validation).days, gap, counts)


def beginning(days: "pd.Series[Any]", end: pd.Timestamp) -> pd.Timestamp:
    """The day from which a part of `PART` of the rows reaches to its end; a day before the end at least."""
    before = int(days.searchsorted(end))
    first: pd.Timestamp = days.iloc[max(0, before - int(PART * len(days)))]
    return min(first, end - pd.Timedelta(days=1))
