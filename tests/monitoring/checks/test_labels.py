import numpy as np
import pandas as pd
import pytest

from monitoring.check import Check, is_firing
from monitoring.checks import labels
from tests.monitoring.conftest import judged, view_of
from tests.monitoring.test_outcomes import REPORTED, followed


def firing(checks: list[Check]) -> set[str]:
    """Names of the checks that fire."""
    return {check.name for check in checks if is_firing(check).any()}


def changed(log: pd.DataFrame, **changes: object) -> set[str]:
    """What fires on a log whose outcomes were changed."""
    outcomes = log[REPORTED].assign(**changes).dropna()
    return firing(labels.checks(view_of(followed(log, outcomes=outcomes), inputs=log, outcomes=outcomes)))


def test_clean_labels_fire_nothing():
    """Outcomes that come when the flight arrives are believed."""
    assert changed(judged()) == set()


@pytest.mark.exhibit
def test_flipped_labels_contradict_their_own_moment():
    """A tenth of the outcomes wrong: they claim an arrival at another time than they became known."""
    log = judged()
    flipped = np.where(np.arange(len(log)) % 10 == 0, np.where(log["arrival_delay"] > 15, 0, 60), log["arrival_delay"])
    assert changed(log, arrival_delay=flipped) == {"contradictory outcomes"}


def test_outcomes_contradict_the_moment_at_which_they_came():
    """A tenth of the outcomes came three hours later than they say."""
    log = judged()
    moved = log["known_at"] + pd.to_timedelta(np.where(np.arange(len(log)) % 10 == 0, 3, 0), unit="h")
    assert changed(log, known_at=moved) == {"contradictory outcomes"}


def test_outcomes_that_stop_or_come_late_fire():
    """Labels that no longer come, and labels that take half a day."""
    log = judged()
    assert changed(log, known_at=log["known_at"].where(np.arange(len(log)) % 2 == 0)) == {"without outcome"}
    assert "label delay" in changed(log, known_at=log["known_at"] + pd.Timedelta(hours=12))


def test_outcomes_of_flights_that_were_never_predicted_fire():
    """Requests that the service rejected leave outcomes without a prediction."""
    log = judged()
    asked = log[np.arange(len(log)) % 10 > 0].reset_index(drop=True)
    outcomes = log[REPORTED]
    checks = labels.checks(view_of(followed(asked, outcomes=outcomes), inputs=asked, outcomes=outcomes))
    assert firing(checks) == {"outcomes without prediction"}


@pytest.mark.exhibit
def test_one_outcome_of_twenty_is_too_few_to_fire():
    """Planted: twenty flights a day, of which one has a wrong outcome: 5 %, but of too few rows."""
    log = judged(rows=20)
    wrong = np.where(np.arange(len(log)) % 20 == 0, log["arrival_delay"] + 300, log["arrival_delay"])
    assert changed(log, arrival_delay=wrong) == set()
