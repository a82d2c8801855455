"""The example's features say what their names promise."""

import numpy as np
import pytest

from flights import features


def test_far_away_times_have_the_nearest_offset():
    """No year breaks the look-up."""
    times = np.array(["1970-01-01T12:00", "2999-01-01T12:00"], dtype="datetime64[us]")
    np.testing.assert_array_equal(features.minute_of_day(times), [7 * 60.0, 7 * 60.0])


@pytest.mark.exhibit
def test_weekday():
    """1 November 2013 was a Friday, in New York until 4 o'clock UTC on the next day."""
    times = np.array(["2013-11-01T12:00", "2013-11-02T03:59", "2013-11-02T04:00"], dtype="datetime64[us]")
    np.testing.assert_array_equal(features.weekday(times), [4.0, 4.0, 5.0])


@pytest.mark.exhibit
def test_turnaround_slack():
    """Out two hours, back two hours, five hours in all: one hour is left, less the delay; arrival counts if known."""
    hours, minutes = np.array([5.0, 5.0, np.nan]), np.array([120.0, 120.0, np.nan])
    slack = features.turnaround_slack(hours, minutes, np.array([10.0, 10.0, np.nan]), np.array([np.nan, 25.0, np.nan]))
    np.testing.assert_array_equal(slack, [50.0, 35.0, np.nan])
