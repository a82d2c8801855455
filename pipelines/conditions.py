"""What was known two hours before each departure: the weather, the network and the aircraft's previous leg.

An event counts from the moment it was known: a departure when the aircraft left, an arrival when it was on the block,
an observation when its hour was over, a flight overdue when its time had passed. A cancellation has no known moment: a
flight that has not gone has not gone. Times are whole minutes since 1970, UTC.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import LATE_MINUTES, PREDICTION_LEAD_HOURS, ZONE

OVERDUE_MINUTES = 15  # a departure is overdue once this long after its schedule
WEATHER_AGE_HOURS = 6  # an older observation says nothing any more: missing
PRESSURE_CHANGE_HOURS = 3
PREVIOUS_LEG_HOURS = 24  # an aircraft's earlier departure from New York counts for this long
NEVER = 2**31  # minutes: after everything
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

Minutes = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Amounts by group and minute, sorted, as running totals: any window is two look-ups."""

    keys: Minutes
    totals: Numbers


def events(groups: Minutes, minutes: Minutes, amounts: Numbers | None = None) -> Events:
    """Sort events for `amount_between`; those at `NEVER` drop out."""
    happened = minutes < NEVER
    keys = groups[happened] * NEVER + minutes[happened]
    order = np.argsort(keys, kind="stable")
    amounts = np.ones(len(minutes)) if amounts is None else amounts
    return Events(keys[order], np.concatenate([[0.0], np.cumsum(amounts[happened][order])]))


def amount_between(happened: Events, groups: Minutes, after: Minutes, until: Minutes) -> Numbers:
    """Sum of the group's amounts after one minute and until another, the latter included; one value per query."""
    first = np.searchsorted(happened.keys, groups * NEVER + after, side="right")
    last = np.searchsorted(happened.keys, groups * NEVER + until, side="right")
    return happened.totals[last] - happened.totals[first]


def conditions(flights: pd.DataFrame, weather: pd.DataFrame, aircraft: pd.DataFrame) -> pd.DataFrame:
    """All conditions of all flights.

    Parameters
    ----------
    flights : one row per departure: carrier, origin, dest, tailnum, service_day, scheduled, scheduled_minutes,
        gone and arrived (minutes, `NEVER` if it did not), departure_delay and arrival_delay (minutes).
    weather : one row per origin and hour, as in the source.
    aircraft : one row per tail, as in the source.

    Returns
    -------
    One row per departure, in the order of `flights`.
    """
    asked = flights["scheduled"].to_numpy() - 60 * PREDICTION_LEAD_HOURS
    return pd.concat(
        [
            weather_known(flights["origin"], asked, weather),
            network_known(flights, asked),
            previous_leg_known(flights, asked),
            aircraft_known(flights["tailnum"], aircraft),
        ],
        axis="columns",
    )


def weather_known(origins: pd.Series, asked: Minutes, weather: pd.DataFrame) -> pd.DataFrame:
    """The origin's last observation whose hour was over, and how the pressure changed up to it."""
    now = last_observation(origins, asked, weather)
    before = last_observation(origins, asked - 60 * PRESSURE_CHANGE_HOURS, weather)
    return now.assign(pressure_change=now["pressure"] - before["pressure"])


def last_observation(origins: pd.Series, asked: Minutes, weather: pd.DataFrame) -> pd.DataFrame:
    """Each origin's last observation known at a minute; missing if it is older than `WEATHER_AGE_HOURS`."""
    observed = weather.rename(columns=WEATHER)[["origin", *WEATHER.values()]]
    observed = observed.assign(known=minutes_since_1970(pd.to_datetime(weather["time_hour"])) + 60).sort_values("known")
    queries = pd.DataFrame({"origin": origins.to_numpy(), "known": asked, "row": np.arange(len(asked))})
    known = pd.merge_asof(
        queries.sort_values("known", kind="stable"), observed, on="known", by="origin", tolerance=60 * WEATHER_AGE_HOURS
    )
    return known.sort_values("row", ignore_index=True)[list(WEATHER.values())].astype(np.float64)


def network_known(flights: pd.DataFrame, asked: Minutes) -> pd.DataFrame:
    """How late the network runs and ran, as named by the contract."""
    everywhere = np.zeros(len(flights), np.int64)
    origin, carrier, dest = (codes(flights[name]) for name in ("origin", "carrier", "dest"))
    origin_carrier = origin * 100 + carrier
    number = codes(flights["carrier"] + flights["flight"].astype(str) + flights["dest"])
    arrived = flights["arrived"].to_numpy()
    delay = flights["arrival_delay"].to_numpy()
    lost = delay - flights["departure_delay"].to_numpy()
    late = np.where(delay >= LATE_MINUTES, 1.0, 0.0)
    gate_to_gate = (arrived - flights["gone"].to_numpy()).astype(np.float64)

    def of_arrivals(amounts: Numbers, group: Minutes, hours: int) -> Numbers:
        return mean_between(group, arrived, amounts, asked - 60 * hours, asked)

    return pd.DataFrame(
        {
            "departures_planned": departures_planned(flights, origin),
            "backlog_all": backlog(flights, everywhere, asked),
            "backlog_origin": backlog(flights, origin, asked),
            "backlog_carrier": backlog(flights, carrier, asked),
            "overdue_1h_all": share_overdue(flights, everywhere, asked, hours=1),
            "overdue_1h_origin": share_overdue(flights, origin, asked, hours=1),
            "overdue_3h_all": share_overdue(flights, everywhere, asked, hours=3),
            "overdue_3h_origin": share_overdue(flights, origin, asked, hours=3),
            "overdue_3h_carrier": share_overdue(flights, carrier, asked, hours=3),
            "overdue_3h_origin_carrier": share_overdue(flights, origin_carrier, asked, hours=3),
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


def backlog(flights: pd.DataFrame, group: Minutes, asked: Minutes) -> Numbers:
    """Departures of the service day that were due and had not gone."""
    by_day = group * 100_000 + flights["service_day"].to_numpy()
    today = group * 100_000 + service_day(asked)
    start = np.zeros_like(asked)
    due = amount_between(events(by_day, flights["scheduled"].to_numpy()), today, start, asked)
    return due - amount_between(events(by_day, flights["gone"].to_numpy()), today, start, asked)


def share_overdue(flights: pd.DataFrame, group: Minutes, asked: Minutes, hours: int) -> Numbers:
    """Share of the departures that became due in the last hours and were overdue then; missing if there were none."""
    due = flights["scheduled"].to_numpy() + OVERDUE_MINUTES
    overdue = (flights["gone"].to_numpy() > due).astype(np.float64)
    return mean_between(group, due, overdue, asked - 60 * hours, asked)


def departures_planned(flights: pd.DataFrame, origin: Minutes) -> Numbers:
    """Departures in the origin's timetable in the two hours up to each one, itself included."""
    scheduled = flights["scheduled"].to_numpy()
    return amount_between(events(origin, scheduled), origin, scheduled - 120, scheduled)


def mean_between(groups: Minutes, minutes: Minutes, amounts: Numbers, after: Minutes, until: Minutes) -> Numbers:
    """Mean amount of the events of each row's group in each row's window; missing where there were none."""
    total = amount_between(events(groups, minutes, amounts), groups, after, until)
    count = amount_between(events(groups, minutes), groups, after, until)
    mean = np.full(len(count), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def previous_leg_known(flights: pd.DataFrame, asked: Minutes) -> pd.DataFrame:
    """The aircraft's last departure from New York before this one, as far as it was known."""
    legs = flights.assign(row=np.arange(len(flights)), asked=asked).sort_values(
        ["tailnum", "scheduled"], kind="stable", ignore_index=True
    )
    before = legs.shift()
    hours = (legs["scheduled"] - before["scheduled"]) / 60
    same = (legs["tailnum"] == before["tailnum"]) & (hours <= PREVIOUS_LEG_HOURS)
    waited = (legs["asked"] - before["scheduled"]).clip(lower=0)
    return (
        pd.DataFrame(
            {
                "previous_leg_hours": hours,
                "previous_leg_minutes": before["scheduled_minutes"],
                "previous_leg_delay": before["departure_delay"].where(before["gone"] <= legs["asked"], waited),
                "previous_leg_arrival_delay": before["arrival_delay"].where(before["arrived"] <= legs["asked"]),
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


def codes(values: pd.Series) -> Minutes:
    """A number for each distinct text."""
    return pd.factorize(values, sort=True)[0].astype(np.int64)


def minutes_since_1970(times: pd.Series) -> Minutes:
    """Whole minutes of UTC times; `NEVER` where missing."""
    minutes = times.dt.tz_convert(None).to_numpy("datetime64[m]")
    return np.where(np.isnat(minutes), NEVER, minutes.astype(np.int64))


def service_day(minutes: Minutes) -> Minutes:
    """The local date of each minute, as days since 1970."""
    local = (
        pd.DatetimeIndex(minutes.astype("datetime64[m]").astype("datetime64[s]")).tz_localize("UTC").tz_convert(ZONE)
    )
    return local.tz_localize(None).to_numpy("datetime64[D]").astype(np.int64)
