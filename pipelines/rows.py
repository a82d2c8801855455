"""Rows of a split with their features, targets and days: every step and every extra takes them from here."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.artifacts import read_parquet
from flights.config import GAP_DAYS, HOLDOUT_MONTHS, VALIDATION_MONTHS, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, ZONE, targets
from flights.feature_set import build_features
from flights.model import with_feed_outages

Period = tuple[pd.Timestamp, pd.Timestamp]


def periods(as_of: date) -> dict[str, Period]:
    """First instant of each part of the split, and the instant at which it has ended; days are local dates."""
    live = pd.Timestamp(as_of, tz=ZONE)
    holdout = live - pd.DateOffset(months=HOLDOUT_MONTHS)
    validation = holdout - pd.DateOffset(months=VALIDATION_MONTHS)
    gap = pd.DateOffset(days=GAP_DAYS)
    return {
        "train": (pd.Timestamp(0, tz=ZONE), validation - gap),
        "validation": (validation, holdout - gap),
        "holdout": (holdout, live - gap),
        "live": (live, pd.Timestamp.max.tz_localize("UTC")),
    }


def between(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Rows whose event is within a period, its end excluded."""
    start, end = period
    return rows[(rows[EVENT_TIME] >= start) & (rows[EVENT_TIME] < end)].reset_index(drop=True)


def labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that have an outcome."""
    return rows[~np.isnan(targets(rows))]


def labelled_rows(settings: Settings, part: str) -> pd.DataFrame:
    """The rows of a part of the split that have an outcome."""
    return labelled(read_parquet(settings.splits_dir / f"{part}.parquet", "run `make split`"))


def features_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The models' features of some rows."""
    return pd.DataFrame(build_features(as_arrays(rows)))


def training_features(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The candidate's features for training: the same rows, some of them with a feed missing."""
    return pd.DataFrame(build_features(with_feed_outages(as_arrays(rows), seed)))


def local_days(rows: pd.DataFrame) -> NDArray[Any]:
    """Each row's local calendar day: intervals resample these."""
    return np.asarray(rows[EVENT_TIME].dt.tz_convert(ZONE).dt.date)


def summary_of(rows: pd.DataFrame) -> dict[str, Any]:
    """Number of rows, share of positive ones, first and last event."""
    times = rows[EVENT_TIME]
    return {"rows": len(rows), "late": float(targets(rows).mean()), "first": str(times.min()), "last": str(times.max())}
