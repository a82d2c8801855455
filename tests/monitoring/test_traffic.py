import importlib

import pandas as pd
import pytest

from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOME, OUTCOME_TIME
from monitoring.traffic import period, request_bodies, traffic, with_drill
from tests.monitoring.conftest import day

SPAN = (day(4), day(6))


def test_a_span_is_local_and_includes_its_last_month(monkeypatch: pytest.MonkeyPatch):
    """From the first local midnight to the one after the last day; nothing named means all of it."""
    monkeypatch.setattr("monitoring.traffic.ZONE", "America/New_York")
    live = pd.DataFrame({EVENT_TIME: pd.date_range("2013-11-01T12:00Z", "2013-12-01T12:00Z")})
    assert [str(moment) for moment in period(live, "2013-11", "2013-11")] == [
        "2013-11-01 04:00:00+00:00",
        "2013-12-01 05:00:00+00:00",
    ]
    assert [str(moment) for moment in period(live, "", "")] == [
        "2013-11-01 04:00:00+00:00",
        "2013-12-02 05:00:00+00:00",
    ]


def test_a_span_without_flights_is_refused(live: pd.DataFrame):
    """The message says what there is."""
    with pytest.raises(ValueError, match=f"they run from {day(1)} to {day(31)}"):
        period(live, day(-40), day(-30))


def test_nothing_is_known_before_it_happened(live: pd.DataFrame):
    """Rows without an outcome never get an outcome, the others not before they arrived, nor after the span's end."""
    start, end = period(live, *SPAN)
    flights, outcomes = traffic(live, start, end)
    assert flights["moment"].is_monotonic_increasing
    assert outcomes[OUTCOME_TIME].is_monotonic_increasing
    assert outcomes[OUTCOME_TIME].max() <= end
    without = live.loc[live[OUTCOME].isna(), KEY]
    assert not outcomes[KEY].isin(without).any()
    both = outcomes.merge(flights, on=KEY)
    assert (both[OUTCOME_TIME] > both["moment"]).all()


def test_requests_hold_the_inputs_and_nothing_else(live: pd.DataFrame):
    """No outcome travels with a request; missing is null and the time has its zone."""
    flights, _ = traffic(live, *period(live, *SPAN))
    rows = request_bodies(flights)
    assert rows[0].keys() == {"request_id", *(column.name for column in INPUTS)}
    assert rows[0][EVENT_TIME].endswith("Z")
    assert any(row[column.name] is None for row in rows for column in INPUTS) == any(
        column.nullable for column in INPUTS
    )


def test_without_a_drill_the_traffic_is_what_it_was(live: pd.DataFrame):
    """No extra is loaded, and nothing is copied."""
    clean = traffic(live, *period(live, *SPAN))
    assert with_drill(clean, "", 3, 1) is clean


def test_without_extras_a_drill_is_named_as_missing(live: pd.DataFrame, monkeypatch: pytest.MonkeyPatch):
    """Planted: a clone whose drills were deleted."""
    monkeypatch.setattr("flights.plugins.load_plugins", lambda _: [importlib.import_module("monitoring")])
    with pytest.raises(SystemExit, match="extras/drills was removed"):
        with_drill(traffic(live, *period(live, *SPAN)), "celsius", 30, 1)
