"""What was known two hours before each departure: the weather, the network and the aircraft's previous leg.

An event counts from the moment it was known: a departure when the aircraft left, an arrival when it was on the block,
an observation when its hour was over, an overdue flight when its time had passed. A cancellation has no known moment.
"""

import numpy as np
import pandas as pd

from flights.dataset import LATE_MINUTES, PREDICTION_LEAD_HOURS
from pipelines.collection.events import (
    Minutes,
    Numbers,
    amount_between,
    codes,
    events,
    mean_between,
    minutes_since_1970,
    service_day,
)

OVERDUE_MINUTES = 15  # a departure is overdue once this long after its schedule
WEATHER_AGE_HOURS = 6  # an older observation says nothing any more: missing
PRESSURE_CHANGE_HOURS = 3
PREVIOUS_LEG_HOURS = 24  # an aircraft's earlier departure from New York counts for this long
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


def conditions(flights: pd.DataFrame, weather: pd.DataFrame, aircraft: pd.DataFrame) -> pd.DataFrame:
    """All conditions of all departures, which `timetable.with_instants` makes, in their order."""
    as_of_minutes = flights["scheduled"].to_numpy() - 60 * PREDICTION_LEAD_HOURS
    return pd.concat(
        [
            weather_known(flights["origin"], as_of_minutes, weather),
            network_known(flights, as_of_minutes),
            previous_leg_known(flights, as_of_minutes),
            aircraft_known(flights["tailnum"], aircraft),
        ],
        axis="columns",
    )


def weather_known(origins: pd.Series, as_of_minutes: Minutes, weather: pd.DataFrame) -> pd.DataFrame:
    """The origin's last observation whose hour was over, and how the pressure changed up to it."""
    now = last_observation(origins, as_of_minutes, weather)
    before = last_observation(origins, as_of_minutes - 60 * PRESSURE_CHANGE_HOURS, weather)
    return now.assign(pressure_change=now["pressure"] - before["pressure"])


def last_observation(origins: pd.Series, as_of_minutes: Minutes, weather: pd.DataFrame) -> pd.DataFrame:
    """Each origin's last observation known at a minute; missing if it is older than `WEATHER_AGE_HOURS`."""
    observed = weather.rename(columns=WEATHER)[["origin", *WEATHER.values()]]
    observed = observed.assign(known=minutes_since_1970(pd.to_datetime(weather["time_hour"])) + 60).sort_values("known")
    queries = pd.DataFrame({"origin": origins.to_numpy(), "known": as_of_minutes, "row": np.arange(len(as_of_minutes))})
    known = pd.merge_asof(
        queries.sort_values("known", kind="stable"), observed, on="known", by="origin", tolerance=60 * WEATHER_AGE_HOURS
    )
    return known.sort_values("row", ignore_index=True)[list(WEATHER.values())].astype(np.float64)


def network_known(flights: pd.DataFrame, as_of_minutes: Minutes) -> pd.DataFrame:
    """How late the network runs and ran, as named by the contract."""
    everywhere = np.zeros(len(flights), np.int64)
    origin, carrier, dest = (codes(flights[name]) for name in ("origin", "carrier", "dest"))
    origin_carrier = origin * 100 + carrier
    number = codes(flights["carrier"] + flights["flight"].astype(str) + flights["dest"])
    arrived = flights["arrived"].to_numpy()
    delay = flights["arrival_delay"].to_numpy()
    lost = delay - flights["departure_delay"].to_numpy()
    late = np.where(delay >= LATE_MINUTES, 1.0, 0.0)
    gate_to_gate = (arrived - flights["actual_departure"].to_numpy()).astype(np.float64)

    def of_arrivals(amounts: Numbers, group: Minutes, hours: int) -> Numbers:
        return mean_between(group, arrived, amounts, as_of_minutes - 60 * hours, as_of_minutes)

    return pd.DataFrame(
        {
            "departures_planned": departures_planned(flights, origin),
            "backlog_all": backlog(flights, everywhere, as_of_minutes),
            "backlog_origin": backlog(flights, origin, as_of_minutes),
            "backlog_carrier": backlog(flights, carrier, as_of_minutes),
            "overdue_1h_all": share_overdue(flights, everywhere, as_of_minutes, hours=1),
            "overdue_1h_origin": share_overdue(flights, origin, as_of_minutes, hours=1),
            "overdue_3h_all": share_overdue(flights, everywhere, as_of_minutes, hours=3),
            "overdue_3h_origin": share_overdue(flights, origin, as_of_minutes, hours=3),
            "overdue_3h_carrier": share_overdue(flights, carrier, as_of_minutes, hours=3),
            "overdue_3h_origin_carrier": share_overdue(flights, origin_carrier, as_of_minutes, hours=3),
            "arrival_delay_4h_all": of_arrivals(delay, everywhere, hours=4),
            "arrival_delay_4h_carrier": of_arrivals(delay, carrier, hours=4),
            "arrival_delay_4h_dest": of_arrivals(delay, dest, hours=4),
            "lost_12h_all": of_arrivals(lost, everywhere, hours=12),
            "lost_24h_dest": of_arrivals(lost, dest, hours=24),
            "gate_to_gate_24h_dest": of_arrivals(gate_to_gate, dest, hours=24),
            "late_28d_all": of_arrivals(late, everywhere, hours=28 * 24),
            "late_28d_carrier": of_arrivals(late, carrier, hours=28 * 24),
            "late_28d_flight": of_arrivals(late, number, hours=28 * 24),
        }
    )


def backlog(flights: pd.DataFrame, group: Minutes, as_of_minutes: Minutes) -> Numbers:
    """Departures of the service day that were due and had not gone."""
    by_day = group * 100_000 + flights["service_day"].to_numpy()
    today = group * 100_000 + service_day(as_of_minutes)
    start = np.zeros_like(as_of_minutes)
    due = amount_between(events(by_day, flights["scheduled"].to_numpy()), today, start, as_of_minutes)
    return due - amount_between(events(by_day, flights["actual_departure"].to_numpy()), today, start, as_of_minutes)


def share_overdue(flights: pd.DataFrame, group: Minutes, as_of_minutes: Minutes, hours: int) -> Numbers:
    """Share of the departures that became due in the last hours and were overdue then; missing if there were none."""
    due = flights["scheduled"].to_numpy() + OVERDUE_MINUTES
    overdue = (flights["actual_departure"].to_numpy() > due).astype(np.float64)
    return mean_between(group, due, overdue, as_of_minutes - 60 * hours, as_of_minutes)


def departures_planned(flights: pd.DataFrame, origin: Minutes) -> Numbers:
    """Departures in the origin's timetable in the two hours up to each one, itself included."""
    scheduled = flights["scheduled"].to_numpy()
    return amount_between(events(origin, scheduled), origin, scheduled - 120, scheduled)


def previous_leg_known(flights: pd.DataFrame, as_of_minutes: Minutes) -> pd.DataFrame:
    """The aircraft's last departure from New York before this one, as far as it was known."""
    legs = flights.assign(row=np.arange(len(flights)), as_of_minutes=as_of_minutes).sort_values(
        ["tailnum", "scheduled"], kind="stable", ignore_index=True
    )
    before = legs.shift()
    hours = (legs["scheduled"] - before["scheduled"]) / 60
    same = (legs["tailnum"] == before["tailnum"]) & (hours <= PREVIOUS_LEG_HOURS)
    waited = (legs["as_of_minutes"] - before["scheduled"]).clip(lower=0)
    return (
        pd.DataFrame(
            {
                "previous_leg_hours": hours,
                "previous_leg_minutes": before["scheduled_minutes"],
                "previous_leg_delay": before["departure_delay"].where(
                    before["actual_departure"] <= legs["as_of_minutes"], waited
                ),
                "previous_leg_arrival_delay": before["arrival_delay"].where(before["arrived"] <= legs["as_of_minutes"]),
            }
        )
        .where(same)
        .set_index(legs["row"])
        .sort_index()
        .reset_index(drop=True)
        .astype(np.float64)
    )


def aircraft_known(tails: pd.Series, aircraft: pd.DataFrame) -> pd.DataFrame:
    """The assigned aircraft's size; missing where the register does not hold the tail."""
    return pd.DataFrame({"seats": tails.map(aircraft.set_index("tailnum")["seats"]).astype(np.float64).to_numpy()})
