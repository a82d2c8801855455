"""The local clock agrees with pandas, also on the days on which it changes."""

import numpy as np
import pandas as pd
import pytest

from flights import clock
from flights.clock import local_minutes
from flights.dataset import ZONE


def test_the_local_clock_is_right_through_both_changes():
    """Every quarter of an hour of 2013, and of the years around it, against pandas."""
    times = np.arange("2012-01-01", "2015-01-01", 15, dtype="datetime64[m]").astype("datetime64[us]")
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(ZONE).tz_localize(None)
    np.testing.assert_array_equal(local_minutes(times), local.to_numpy("datetime64[m]").astype(np.int64))


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Asia/Kolkata", "Asia/Tokyo", "America/Phoenix", "Australia/Brisbane", "Australia/Lord_Howe",
     "Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca"],
)  # fmt: skip
def test_any_zone_has_a_clock(monkeypatch: pytest.MonkeyPatch, zone: str):
    """Injected: zones without a change of the clock, with half an hour of it, and with changes that ended."""
    monkeypatch.setattr(clock, "ZONE", zone)
    clock.clock_changes.cache_clear()
    times = np.arange("2012-01-01", "2015-01-01", 15, dtype="datetime64[m]").astype("datetime64[us]")
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    try:
        np.testing.assert_array_equal(local_minutes(times), local.to_numpy("datetime64[m]").astype(np.int64))
    finally:
        clock.clock_changes.cache_clear()
