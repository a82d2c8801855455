"""The local clock agrees with pandas, also on the days on which it changes."""

import numpy as np
import pandas as pd

from flights.clock import local_minutes
from flights.dataset import ZONE


def test_the_local_clock_is_right_through_both_changes():
    """Every quarter of an hour of 2013, and of the years around it, against pandas."""
    times = np.arange("2012-01-01", "2015-01-01", 15, dtype="datetime64[m]").astype("datetime64[us]")
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(ZONE).tz_localize(None)
    np.testing.assert_array_equal(local_minutes(times), local.to_numpy("datetime64[m]").astype(np.int64))
