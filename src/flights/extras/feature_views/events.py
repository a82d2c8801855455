"""The example's events, from the source's tables, and all inputs of some flights from them: the offline side.

When an entry of the timetable became known, and the assignment of its aircraft, is an assumption: a day before.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from flights.columns import Columns
from flights.dataset import KEY, PREDICTION_LEAD_HOURS
from flights.extras.feature_views import views
from flights.extras.feature_views.kinds import CLOCKS, KINDS, Kind
from flights.extras.feature_views.known import Known

MINUTE_NS = 60_000_000_000

# [SWAP] From here to the next such line: what is true of these data.

PLANNED_AHEAD = pd.Timedelta(days=1)  # that an entry of the timetable is known before the departure
OBSERVED_AFTER = pd.Timedelta(hours=1)  # an observation is known when its hour is over
WEATHER = {  # the source's name: ours
    "temp": "temperature",
    "dewp": "dew_point",
    "humid": "humidity",
    "wind_dir": "wind_direction",
    "wind_speed": "wind_speed",
    "precip": "precipitation",
    "pressure": "pressure",
    "visib": "visibility",
}


def event_tables(flights: pd.DataFrame, weather: pd.DataFrame, aircraft: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The events of each kind, in the order in which they became known; `flights` has its instants."""
    scheduled, departed, arrived = (
        flights[name] for name in ("scheduled_departure", "actual_departure", "outcome_known_at")
    )
    hour = pd.to_datetime(weather["time_hour"])
    observed = weather.rename(columns=WEATHER).astype(dict.fromkeys(WEATHER.values(), float))
    first = scheduled.min() - PLANNED_AHEAD
    events = {
        "timetable": flights.assign(event_time=scheduled, known_at=scheduled - PLANNED_AHEAD),
        "departure": flights.assign(event_time=departed, known_at=departed),
        "arrival": flights.assign(event_time=arrived, known_at=arrived),
        "weather": observed.assign(event_time=hour, known_at=hour + OBSERVED_AFTER),
        "aircraft": aircraft.astype({"seats": float}).assign(event_time=first, known_at=first),
    }
    return {kind.name: in_order(events[kind.name][event_columns(kind)]) for kind in KINDS}


# [SWAP] To here.


def inputs_of(
    events: Mapping[str, pd.DataFrame],
    keys: "pd.Series[str]",
    event_times: "pd.Series[Any]",
    every: int = views.TICK_MINUTES,
) -> Columns:
    """All columns of all views for some flights, each as of the last tick at or before its prediction moment."""
    known = Known({kind: in_minutes(table) for kind, table in events.items()})
    moments = np.asarray(minutes(event_times, "floor"), np.int64) - 60 * PREDICTION_LEAD_HOURS
    return views.inputs_at(known, {KEY: keys.to_numpy(object)}, views.last_tick(moments, every))


def event_columns(kind: Kind) -> list[str]:
    """Columns of a kind's table."""
    return [column.name for column in (*CLOCKS, *kind.columns)]


def in_order(events: pd.DataFrame) -> pd.DataFrame:
    """What happened, in the order in which it became known."""
    happened = events.dropna(subset="event_time").astype(
        dict.fromkeys(("event_time", "known_at"), "datetime64[us, UTC]")
    )
    return happened.sort_values("known_at", kind="stable", ignore_index=True)


def in_minutes(events: pd.DataFrame) -> pd.DataFrame:
    """Events with their clocks in minutes since 1970; what became known within a minute counts from its end.

    `counted_at` is `known_at`, unless the store says that the event came too late for that.
    """
    happened, known = minutes(events["event_time"], "floor"), minutes(events["known_at"], "ceil")
    counted = events.get("counted_at", known)
    return events.drop(columns="event_time").assign(happened=happened, known_at=known, counted_at=counted)


def minutes(moments: "pd.Series[Any]", rounded: str) -> "pd.Series[int]":
    """Minutes since 1970, rounded by `floor` or `ceil`."""
    whole: pd.Series[int] = (
        getattr(moments.dt, rounded)("min").astype("datetime64[ns, UTC]").astype("int64") // MINUTE_NS
    )
    return whole
