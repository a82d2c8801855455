"""Local times are read in their zone."""

import pandas as pd

from extras.new.table import as_times


def test_local_times_are_read_in_their_zone():
    """Half past ten in Kolkata is five o'clock in UTC."""
    assert as_times(pd.Series(["2024-01-31 10:30"], name="t"), "Asia/Kolkata")[0] == pd.Timestamp("2024-01-31T05:00Z")
