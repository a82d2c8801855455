import numpy as np
import pandas as pd

from flights.config import WATERMARK_HOURS
from flights.dataset import OUTCOME
from monitoring.outcomes import LEAD, WATERMARK, label_status_counts, simulated_now, with_outcomes
from tests.monitoring.conftest import judged

REPORTED = ["request_id", "known_at", OUTCOME]


def followed(log: pd.DataFrame, now: pd.Timestamp | None = None, outcomes: pd.DataFrame | None = None) -> pd.DataFrame:
    """The log as the monitor sees it at a moment; by default when all outcomes are there."""
    outcomes = log[REPORTED].dropna() if outcomes is None else outcomes
    now = now or log["event_time"].max() + WATERMARK + pd.Timedelta(days=5)
    return with_outcomes(log.drop(columns=["known_at", OUTCOME]), outcomes, now)


def test_every_prediction_is_somewhere():
    """Predictions are labelled, waiting or expired, and nothing else, at any moment."""
    log = judged(days=5)
    log.loc[::10, [OUTCOME, "known_at"]] = [np.nan, pd.NaT]
    for hours in (0, 30, 60, 100, 1000 + WATERMARK_HOURS):
        now = log["event_time"].min() + pd.Timedelta(hours=hours)
        found = label_status_counts(followed(log, now))
        assert found["predictions"] == found["labelled"] + found["waiting"] + found["expired"] == len(log)
    assert found["waiting"] == 0
    assert found["expired"] == 100


def test_an_outcome_counts_only_once_it_is_known():
    """What becomes known tomorrow is not looked at today."""
    log = judged(days=2)
    early = followed(log, log["known_at"].min())
    assert (early["state"] == "labelled").sum() == (log["known_at"] == log["known_at"].min()).sum()


def test_now_is_the_newest_moment_of_the_log():
    """A prediction is asked for before its event; an outcome may be newer."""
    log = judged(days=2)
    asked = log["event_time"].max() - LEAD
    assert simulated_now(log, log.head(0)) == asked
    assert simulated_now(log, log) == log["known_at"].max()
