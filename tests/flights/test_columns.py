"""A declaration that would leak the outcome is rejected."""

import pytest

from flights.columns import LeakageError, feed_column, inputs, outcome_column
from flights.dataset import INPUTS, OUTCOMES


def test_an_outcome_cannot_be_an_input():
    """Known only with the outcome: the declaration itself is refused."""
    with pytest.raises(LeakageError, match=OUTCOMES[0].name):
        inputs(*INPUTS, OUTCOMES[0])


def test_what_the_two_declarations_share():
    """A feed's number is known at the prediction, an outcome with the outcome; both may be missing."""
    wind = feed_column("weather", "wind", "Wind speed", 3.0, "m/s", 0, 50)
    delay = outcome_column("delay", "number", "Delay", 1.0, "min")
    assert (wind.known_at, wind.feed, wind.nullable) == ("prediction", "weather", True)
    assert (delay.known_at, delay.minimum, delay.nullable) == ("outcome", None, True)
