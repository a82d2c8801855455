import numpy as np
import pandas as pd
import pytest

from monitoring.outcomes import label_status_counts, simulated_now, with_outcomes
from tests.monitoring.conftest import judged

pytestmark = pytest.mark.exhibit

OUTCOME = ["request_id", "known_at", "arrival_delay"]


def followed(log: pd.DataFrame, now: pd.Timestamp | None = None, outcomes: pd.DataFrame | None = None) -> pd.DataFrame:
    """The log as the monitor sees it at a moment; by default a week after its end."""
    outcomes = log[OUTCOME].dropna() if outcomes is None else outcomes
    now = now or log["event_time"].max() + pd.Timedelta(days=7)
    return with_outcomes(log.drop(columns=["known_at", "arrival_delay"]), outcomes, now)


def test_every_prediction_is_somewhere():
    """Predictions are labelled, waiting or expired, and nothing else, at any moment."""
    log = judged(days=5)
    log.loc[::10, ["arrival_delay", "known_at"]] = [np.nan, pd.NaT]
    for hours in (0, 30, 60, 100, 1000):
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
    """A prediction is asked for two hours before its event; an outcome may be newer."""
    log = judged(days=2)
    asked = log["event_time"].max() - pd.Timedelta(hours=2)
    assert simulated_now(log, log.head(0)) == asked
    assert simulated_now(log, log) == log["known_at"].max()
