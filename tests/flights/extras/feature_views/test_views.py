"""The collected columns are the views at the last tick, to the bit, and see no event that was not known by then."""

import numpy as np
import pandas as pd
import pytest

from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, INPUTS, KEY, PREDICTION_LEAD_HOURS, ZONE
from flights.extras.feature_views.events import minutes
from flights.extras.feature_views.known import Known
from flights.extras.feature_views.views import TICK_MINUTES, VIEWS, inputs_at, last_tick
from pipelines import collect
from pipelines.collection.timetable import with_instants
from tests.flights.extras.feature_views.days import events_of, in_minutes_of, source

pytestmark = pytest.mark.exhibit

EPOCH = pd.Timestamp(0, tz="UTC")
NAMES = [column.name for column in INPUTS]


@pytest.fixture(scope="module")
def events():
    """Three days of events, in minutes."""
    return in_minutes_of(events_of())


@pytest.fixture(scope="module")
def rows():
    """The same days, collected."""
    return collect.collected_rows(source())


def asked_of(rows, every):
    """The flights' keys, and the last tick at or before each prediction moment."""
    moments = minutes(rows[EVENT_TIME], "floor").to_numpy() - 60 * PREDICTION_LEAD_HOURS
    return {KEY: rows[KEY].to_numpy(object)}, last_tick(moments, every)


def different(left, right):
    """Columns of which some value differs in a bit; missing equals missing."""
    return [name for name in NAMES if not np.array_equal(bits(left[name]), bits(right[name]))]


def bits(values):
    """Values that compare by their bits."""
    if values.dtype == np.float64:
        return np.where(np.isnan(values), -1, values.view(np.int64))
    return pd.Series(values, dtype=object).fillna("-").to_numpy()


def test_every_input_is_made_by_one_view():
    """No column is missing, and none is made twice."""
    made = [name for view in VIEWS for name in view.columns]
    assert sorted(made) == sorted(NAMES)


@pytest.mark.parametrize(("every", "equal"), [(TICK_MINUTES, True), (1, False), (15, False)])
def test_collected_columns_are_the_views_at_the_last_tick(events, rows, every, equal):
    """Bit for bit, over all departures of three stormy days; planted: training reads ticks of another length."""
    assert (different(inputs_at(Known(events), *asked_of(rows, every)), as_arrays(rows)) == []) == equal


@pytest.fixture(scope="module")
def instants():
    """Each flight's instants in minutes, missing if they never were, and its local day."""
    tables = source()
    flights = with_instants(tables["flights"], tables["airports"])
    times = {"due": EVENT_TIME, "gone": "actual_departure", "landed": "outcome_known_at"}
    local = flights[EVENT_TIME].dt.tz_convert(ZONE).dt.date
    minutes_of = {name: (flights[time] - EPOCH).dt.total_seconds() // 60 for name, time in times.items()}
    return flights.assign(**minutes_of, day=local)


@pytest.mark.parametrize("subject", range(1500, 2900, 100))
def test_columns_are_what_counting_by_hand_gives(instants, rows, subject):
    """Each rule written out for one flight: windows have an open start and a closed end, a cancellation is overdue."""
    row = rows.iloc[subject]
    same = {name: instants[name] == row[name] for name in ("origin", "carrier", "dest", "flight")}
    due, gone, landed = instants["due"], instants["gone"], instants["landed"]
    planned = row[EVENT_TIME].timestamp() // 60
    tick = (planned - 60 * PREDICTION_LEAD_HOURS) // TICK_MINUTES * TICK_MINUTES
    today = instants["day"] == pd.Timestamp(tick * 60, unit="s", tz="UTC").tz_convert(ZONE).date()
    late = due + 15
    recent = {hours: (landed > tick - 60 * hours) & (landed <= tick) for hours in (4, 24, 28 * 24)}
    delay, lost = instants["arrival_delay"], instants["arrival_delay"] - instants["departure_delay"]
    expected = {
        "departures_planned": (same["origin"] & (due > planned - 120) & (due <= planned)).sum(),
        "backlog_all": (today & (due <= tick)).sum() - (today & (gone <= tick)).sum(),
        "overdue_3h_origin": (~(gone <= late))[same["origin"] & (late > tick - 180) & (late <= tick)].mean(),
        "arrival_delay_4h_carrier": delay[same["carrier"] & recent[4]].mean(),
        "lost_24h_dest": lost[same["dest"] & recent[24]].mean(),
        "gate_to_gate_24h_dest": (landed - gone)[same["dest"] & recent[24]].mean(),
        "late_28d_flight": (delay >= 15)[same["carrier"] & same["flight"] & same["dest"] & recent[28 * 24]].mean(),
    }
    np.testing.assert_array_equal(list(row[list(expected)]), list(expected.values()))


def restated(events):
    """The same days with corrections, late events, and an older version that comes after a newer one."""
    arrival, weather, timetable = events["arrival"], events["weather"], events["timetable"]
    corrected = arrival[100::7].assign(
        arrival_delay=lambda frame: frame["arrival_delay"] + 40, known_at=lambda frame: frame["known_at"] + 90
    )
    corrected["counted_at"] = corrected["known_at"]
    stale = corrected.assign(
        known_at=corrected["known_at"] - 30, arrival_delay=-3.0, counted_at=corrected["counted_at"] + 60
    )
    late = weather.assign(counted_at=weather["counted_at"].where(weather.index % 5 != 0, weather["counted_at"] + 180))
    moved = timetable[50::9].assign(
        happened=lambda frame: frame["happened"] + 45, known_at=lambda frame: frame["known_at"] + 20 * 60
    )
    moved["counted_at"] = moved["known_at"]
    return events | {
        "arrival": pd.concat([arrival, corrected, stale], ignore_index=True),
        "weather": late,
        "timetable": pd.concat([timetable, moved], ignore_index=True),
    }


@pytest.fixture(scope="module")
def irregular(events):
    """Events as no clean feed delivers them."""
    return restated(events)


def known_by(events, tick):
    """Only the events that count by a tick."""
    return {name: table[table["counted_at"] <= tick] for name, table in events.items()}


@pytest.mark.parametrize("hour", [30, 36, 54, 58, 62])
def test_events_that_are_not_known_at_a_tick_change_nothing(irregular, rows, hour):
    """Late, corrected and out of order: from the events so far and from all events come the same bits."""
    asked, ticks = asked_of(rows, 5)
    tick = int(ticks.min()) // 5 * 5 + 60 * hour
    coming = (ticks >= tick) & (ticks < tick + 120)
    asked, ticks = {KEY: asked[KEY][coming]}, np.full(coming.sum(), tick)
    assert len(ticks) > 50
    assert (
        different(inputs_at(Known(irregular), asked, ticks), inputs_at(Known(known_by(irregular, tick)), asked, ticks))
        == []
    )


@pytest.mark.parametrize(
    ("kind", "columns"),
    [("weather", {"temperature"}), ("arrival", {"arrival_delay_4h_all"}), ("timetable", {"backlog_all"})],
)
def test_the_irregular_events_matter(events, irregular, rows, kind, columns):
    """Each of the planted kinds changes inputs, and only by what became known."""
    before = inputs_at(Known(events), *asked_of(rows, 5))
    after = inputs_at(Known(events | {kind: irregular[kind]}), *asked_of(rows, 5))
    assert columns <= set(different(before, after))


def test_an_older_version_that_comes_later_replaces_nothing(events, rows):
    """A correction counts from when it was known; the version before it, sent after it, does not count any more."""
    arrival = events["arrival"]
    one = arrival[200:201]
    newer = one.assign(arrival_delay=500.0, known_at=one["known_at"] + 10, counted_at=one["known_at"] + 10)
    older = one.assign(arrival_delay=900.0, known_at=one["known_at"] + 5, counted_at=one["known_at"] + 20)
    with_newer = events | {"arrival": pd.concat([arrival, newer], ignore_index=True)}
    with_both = events | {"arrival": pd.concat([arrival, newer, older], ignore_index=True)}
    flights = [inputs_at(Known(each), *asked_of(rows, 1)) for each in (events, with_newer, with_both)]
    assert "arrival_delay_4h_all" in different(flights[0], flights[1])
    assert different(flights[1], flights[2]) == []


def test_a_window_that_is_off_by_one_tick_is_found(events, rows):
    """Planted: the views are computed as of the tick before."""
    asked, ticks = asked_of(rows, 5)
    known = Known(events)
    assert "overdue_1h_all" in different(inputs_at(known, asked, ticks), inputs_at(known, asked, ticks - 5))


def test_another_order_of_the_events_changes_nothing(irregular, rows):
    """Events are sorted by what they say; only of two legs due in the same minute the order decides."""
    shuffled = {name: table.sample(frac=1, random_state=7, ignore_index=True) for name, table in irregular.items()}
    shuffled["timetable"] = irregular["timetable"]
    asked = asked_of(rows, 5)
    assert different(inputs_at(Known(irregular), *asked), inputs_at(Known(shuffled), *asked)) == []
