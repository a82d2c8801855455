"""Nothing known later than its tick, two hours before a departure, reaches its inputs; what was known before does."""

import numpy as np
import pandas as pd
import pytest

from flights.dataset import EVENT_TIME, INPUTS, KEY, PREDICTION_LEAD_HOURS
from flights.extras.feature_views import views
from flights.extras.feature_views.events import minutes
from flights.extras.feature_views.known import Known
from pipelines import collect
from pipelines.collection import timetable
from tests.flights.extras.feature_views.days import events_of, in_minutes_of, source

pytestmark = pytest.mark.exhibit

NAMES = [column.name for column in INPUTS]
SUBJECTS = range(1000, 2900, 100)  # rows of the second and third day


@pytest.fixture(scope="module")
def tables():
    """Three days of the source."""
    return source()


@pytest.fixture(scope="module")
def rows(tables):
    """Those days, collected."""
    return collect.collected_rows(tables)


@pytest.fixture(scope="module")
def instants(tables):
    """When each flight was due, went and arrived, in minutes, in the source's order; missing if it never did."""
    flights = timetable.with_instants(tables["flights"], tables["airports"])
    times = {"scheduled": EVENT_TIME, "actual_departure": "actual_departure", "arrived": "outcome_known_at"}
    happened = {name: minutes(flights[time].dropna(), "floor") for name, time in times.items()}
    return flights.drop(columns="actual_departure").assign(**happened)


def minutes_asked(row):
    """The last tick at or before the prediction moment, in minutes since 1970."""
    return views.last_tick(int(row[EVENT_TIME].timestamp()) // 60 - 60 * PREDICTION_LEAD_HOURS)


def observed(tables):
    """The minute at which each observation's hour is over."""
    hour = pd.to_datetime(tables["weather"]["time_hour"]).dt.tz_convert(None).to_numpy("datetime64[m]")
    return hour.astype(np.int64) + 60


def with_another_future(tables, instants, now):
    """Everything after a minute happens otherwise: what went stays, what stayed goes, what flew lands later."""
    flights, weather = tables["flights"].copy(), tables["weather"].copy()
    went, landed = instants["actual_departure"] > now, instants["arrived"] > now
    never = instants["actual_departure"].isna()
    flights.loc[landed, "arr_delay"] += 1000
    flights.loc[went, ["dep_delay", "arr_delay"]] = np.nan
    flights.loc[never, "dep_delay"] = (now - instants["scheduled"][never]).clip(lower=0) + 600.0
    flights.loc[never, "arr_delay"] = (now - instants["scheduled"][never]).clip(lower=0) + 700.0
    later = observed(tables) > now
    weather.loc[later, ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]] += 7.0
    return tables | {"flights": flights, "weather": weather}


@pytest.mark.ml_test_score("D4")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_later_event_reaches_an_input(tables, rows, instants, subject):
    """Planted: its own delay, every other departure and arrival and all weather after the moment are changed."""
    row = rows.iloc[subject]
    changed = collect.collected_rows(with_another_future(tables, instants, minutes_asked(row))).iloc[subject]
    assert changed[KEY] == row[KEY]
    pd.testing.assert_series_equal(changed[NAMES], row[NAMES])
    assert not changed[["departure_delay", "arrival_delay"]].equals(row[["departure_delay", "arrival_delay"]])


def test_the_future_that_is_changed_is_seen_a_little_later(tables, rows, instants):
    """The planted events would be found: one minute's later knowledge changes inputs."""
    seen = 0
    for subject in SUBJECTS:
        row = rows.iloc[subject]
        changed = collect.collected_rows(with_another_future(tables, instants, minutes_asked(row) - 30)).iloc[subject]
        seen += not changed[NAMES].equals(row[NAMES])
    assert seen == len(SUBJECTS)


@pytest.fixture(scope="module")
def subject(rows):
    """An afternoon departure of the third day whose aircraft had come back before."""
    known = rows["previous_leg_arrival_delay"].notna() & (rows[KEY].str.startswith("2013-07-10"))
    return int(np.flatnonzero(known & rows["overdue_1h_origin"].notna())[300])


def changed_columns(tables, rows, subject, **changed):
    """Inputs of one flight that are otherwise after a change of the source."""
    after = collect.collected_rows(tables | changed).iloc[subject]
    before = rows.iloc[subject]
    return {
        name for name in NAMES if after[name] != before[name] and not (pd.isna(after[name]) & pd.isna(before[name]))
    }


def test_an_earlier_departure_is_seen(tables, rows, instants, subject):
    """A flight from the same airport that went just before the moment: without it the backlog is one more."""
    now = minutes_asked(rows.iloc[subject])
    gone = instants["actual_departure"].between(now - 40, now) & (instants["origin"] == rows.iloc[subject]["origin"])
    flights = tables["flights"].copy()
    flights.loc[gone.idxmax(), ["dep_delay", "arr_delay"]] = np.nan
    assert {"backlog_all", "backlog_origin"} <= changed_columns(tables, rows, subject, flights=flights)


@pytest.mark.ml_test_score(
    "D4", injects="The previous leg of the aircraft, arrived before the moment, an hour later than it did"
)
def test_an_earlier_arrival_is_seen(tables, rows, instants, subject):
    """The previous leg of the aircraft, arrived before the moment, an hour later than it did."""
    row = rows.iloc[subject]
    now = minutes_asked(row)
    legs = (instants["tailnum"] == row["tailnum"]) & (instants["arrived"] < now)
    flights = tables["flights"].copy()
    leg = instants["scheduled"].where(legs).idxmax()
    flights.loc[leg, "arr_delay"] -= 5
    found = changed_columns(tables, rows, subject, flights=flights)
    assert "previous_leg_arrival_delay" in found
    assert "lost_12h_all" in found


def test_earlier_weather_is_seen(tables, rows, subject):
    """The origin's last full hour, and no other."""
    row = rows.iloc[subject]
    weather = tables["weather"].copy()
    known = (weather["origin"] == row["origin"]) & (observed(tables) <= minutes_asked(row))
    weather.loc[known[known].index[-1], "temp"] += 7.0
    assert changed_columns(tables, rows, subject, weather=weather) == {"temperature"}


@pytest.fixture(scope="module")
def events():
    """The same days as events, in minutes."""
    return in_minutes_of(events_of())


def test_an_old_observation_is_no_observation(events):
    """Seven hours after the last one's hour was over the weather is missing, six hours after it is not."""
    weather = events["weather"].query("origin == 'JFK'")[:1]
    over = int(weather["happened"].iloc[0]) + 60
    asked = over + 60 * np.array([0, 6, 7]) - np.array([1, 0, 0])
    known = Known(events | {"weather": weather})
    found = views.weather(known, {"origin": np.array(["JFK"] * 3, object)}, asked)["temperature"]
    assert np.isnan(found).tolist() == [True, False, True]


def test_a_leg_that_has_not_gone_is_as_late_as_it_waits(events):
    """Due an hour before the moment and still there: 60 minutes, whatever it becomes. A day apart it is none."""
    due, tails = np.array([0, 180, 180 + 25 * 60, 0, 60]), ["N1", "N1", "N1", None, None]
    legs = events["timetable"][:5].assign(
        flight_id=list("abcde"), tailnum=tails, happened=due, known_at=-1440, counted_at=-1440
    )
    gone = events["departure"][:2].assign(flight_id=["a", "d"], departure_delay=[170.0, 0.0], happened=[170, 0])
    gone = gone.assign(known_at=gone["happened"], counted_at=gone["happened"])
    known = Known(events | {"timetable": legs, "departure": gone, "arrival": events["arrival"][:0]})
    found = views.aircraft(known, {KEY: np.array(list("abcde"), object)}, due - 120)
    np.testing.assert_array_equal(found["previous_leg_delay"], [np.nan, 60.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(found["previous_leg_hours"], [np.nan, 3.0, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(("minute", "share"), [(114, np.nan), (115, 1.0), (119, 1.0), (174, 1.0), (175, np.nan)])
def test_a_window_is_open_at_its_start_and_closed_at_its_end(events, minute, share):
    """A flight due at 100 is overdue from the minute 115 on and counts for an hour, even after it has gone."""
    leg = events["timetable"][:1].assign(happened=100, known_at=-1440, counted_at=-1440)
    gone = events["departure"][:1].assign(
        flight_id=leg["flight_id"].to_list(), happened=120, known_at=120, counted_at=120
    )
    known = Known(events | {"timetable": leg, "departure": gone, "arrival": events["arrival"][:0]})
    groups, one = np.zeros(len(known.flights["since"]), np.int64), np.zeros(1, np.int64)
    found = views.overdue(known, groups, one, np.array([minute]), hours=1)
    np.testing.assert_array_equal(found, [share])
