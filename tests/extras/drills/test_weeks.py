"""Outcomes in a drill's log: those of a later hour count as newer."""

import pytest

from extras.drills.weeks import DAYS, FAULT_DAYS, RECEIVED

pytestmark = pytest.mark.exhibit


@pytest.mark.parametrize("hours", [(0, 1), (9, 10), (0, 23)])
def test_an_outcome_of_a_later_hour_is_newer(hours):
    """The log compares stamps as text: every one of the earlier hour is below every one of the later."""
    early, late = hours
    assert RECEIVED.format(early, 999_999) < RECEIVED.format(late, 0)
    assert RECEIVED.format(early, 9) < RECEIVED.format(early, 10)


def test_a_failure_ends_within_the_weeks_of_the_log():
    """Clean days come before it and after it."""
    from extras.drills.faults import CLEAN_DAYS

    assert CLEAN_DAYS + FAULT_DAYS < DAYS
