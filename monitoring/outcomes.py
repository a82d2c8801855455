"""Predictions joined with their outcomes, and the state that each is in: labelled, waiting or expired."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from flights.config import WATERMARK_HOURS
from flights.dataset import OUTCOME, PREDICTION_LEAD_HOURS, ZONE, targets

WATERMARK = timedelta(hours=WATERMARK_HOURS)  # after an event, every outcome that ever comes has come
LEAD = timedelta(hours=PREDICTION_LEAD_HOURS)
STATES = ("labelled", "waiting", "expired")


def with_outcomes(predictions: pd.DataFrame, outcomes: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Predictions with their outcome as known now, target, local day and state."""
    known = outcomes.loc[outcomes["known_at"] <= now, ["request_id", "known_at", OUTCOME]]
    rows = predictions.merge(known, on="request_id", how="left")
    rows["target"] = targets(rows)
    past_watermark = rows["event_time"] <= now - WATERMARK
    rows["state"] = np.select([rows["target"].notna(), past_watermark], ["labelled", "expired"], "waiting")
    rows["past_watermark"] = past_watermark
    rows["day"] = local_day(rows["event_time"])
    return rows


def local_day(moments: "pd.Series[Any]") -> "pd.Series[Any]":
    """The operation's calendar day of each moment."""
    days: pd.Series[Any] = moments.dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()
    return days


def local_midnight(moment: pd.Timestamp) -> pd.Timestamp:
    """The beginning of the local day."""
    return moment.tz_convert(ZONE).tz_localize(None).normalize()


def simulated_now(predictions: pd.DataFrame, outcomes: pd.DataFrame) -> pd.Timestamp:
    """The newest moment in the log: a prediction asked for, or an outcome that became known."""
    asked = predictions["event_time"].max() - LEAD
    moments: list[pd.Timestamp] = [asked, outcomes["known_at"].max()]
    return max(moment for moment in moments if pd.notna(moment))


def label_status_counts(rows: pd.DataFrame) -> dict[str, int]:
    """Predictions by state: predictions = labelled + waiting + expired."""
    states = rows["state"].value_counts()
    return {"predictions": len(rows)} | {name: int(states.get(name, 0)) for name in STATES}
