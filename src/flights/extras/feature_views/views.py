"""The example's feature views: what was known at a moment, by functions that batch jobs and the online job share.

An event counts from the minute at which it was known: a departure when the aircraft left, an arrival when it was on the
block, an observation when its hour was over, an overdue flight when its time had passed. A cancellation is no event.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from flights.clock import local_minutes
from flights.columns import Columns
from flights.dataset import INPUTS, LATE_MINUTES
from flights.extras.feature_views.known import Known, at, taken
from flights.extras.feature_views.windows import MISSING_MINUTE, SPAN, Minutes, Numbers, count_holding, mean_at, sums_at

# [SWAP] From here to the next such line: what is true of these data.

TICK_MINUTES = 5  # [SWAP] views are computed this often; a prediction uses the last tick at or before its moment
LOOK_BACK_DAYS = 30  # [SWAP] no view reads an event that happened longer ago
OVERDUE_MINUTES = 15  # a departure is overdue once this long after its schedule
WEATHER_AGE_HOURS = 6  # an older observation says nothing any more: missing
PRESSURE_CHANGE_HOURS = 3
PREVIOUS_LEG_HOURS = 24  # an aircraft's earlier departure from New York counts for this long
NAMED = ("carrier", "flight", "origin", "dest", "tailnum")
OBSERVED = [column.name for column in INPUTS if column.feed == "weather" and column.name != "pressure_change"]
CHUNK = 50_000  # flights whose timetable is counted at once


def timetable(known: Known, asked: Columns, as_of: Minutes) -> Columns:
    """The flight as planned, and the departures planned at its origin in the two hours up to it, itself included."""
    leg = at(known.legs, known.numbers("flight_id", asked["flight_id"]), as_of)
    planned = {name: known.legs[name][leg] for name in ("happened", "scheduled_minutes", "distance")}
    named = {name: taken(known.index[name].to_numpy(object), known.legs[name][leg], None) for name in NAMED}
    moment = planned.pop("happened").astype("datetime64[m]").astype("datetime64[us]")
    counted = {"departures_planned": departures_planned(known.legs, leg, as_of)}
    return named | {"scheduled_departure": moment} | planned | counted


def departures_planned(legs: Columns, leg: Minutes, as_of: Minutes) -> Numbers:
    """Departures in the origin's timetable, as known then, in the two hours up to each one."""
    key = legs["origin"] * SPAN + legs["happened"]
    order = np.argsort(key, kind="stable")
    first, last = (np.searchsorted(key[order], key[leg] - minutes, side="right") for minutes in (120, 0))
    holds = legs["since"][order], legs["until"][order]
    chunks = [slice(begin, begin + CHUNK) for begin in range(0, len(leg), CHUNK)]
    counts = [count_holding(first[some], last[some], *holds, as_of[some]) for some in chunks]
    return np.concatenate([np.empty(0), *counts])


def weather(known: Known, asked: Columns, as_of: Minutes) -> Columns:
    """The origin's last observation whose hour was over, and how the pressure changed up to it."""
    origin = known.numbers("origin", asked["origin"])
    now = last_observation(known.weather, origin, as_of)
    before = last_observation(known.weather, origin, as_of - 60 * PRESSURE_CHANGE_HOURS)
    return now | {"pressure_change": now["pressure"] - before["pressure"]}


def last_observation(observations: Columns, origin: Minutes, minutes: Minutes) -> Columns:
    """Each origin's last observation known at a minute; missing if it is older than `WEATHER_AGE_HOURS`."""
    row = at(observations, origin, minutes)
    over = taken(observations["happened"], row, 0) + 60
    row = np.where(minutes - over <= 60 * WEATHER_AGE_HOURS, row, -1)
    return {name: taken(observations[name], row, np.nan) for name in OBSERVED}


def aircraft(known: Known, asked: Columns, as_of: Minutes) -> Columns:
    """The aircraft's last departure from New York before this one, as far as it was known, and the aircraft's size.

    A leg that has not gone is as late as it waits.
    """
    leg = at(known.legs, known.numbers("flight_id", asked["flight_id"]), as_of)
    scheduled, before = known.legs["happened"], leg_before(known.legs, leg, as_of)
    hours = (scheduled[leg] - scheduled[before]) / 60
    before = np.where(hours <= PREVIOUS_LEG_HOURS, before, -1)
    state = at(known.flights, taken(known.legs["entity"], before, -1), as_of)
    delay = taken(known.flights["departure_delay"], state, np.nan)
    waited = np.maximum(as_of - scheduled[before], 0)
    found = {
        "previous_leg_hours": hours,
        "previous_leg_minutes": known.legs["scheduled_minutes"][before],
        "previous_leg_delay": np.where(np.isnan(delay), waited, delay),
        "previous_leg_arrival_delay": taken(known.flights["arrival_delay"], state, np.nan),
    }
    size = taken(
        known.aircraft["seats"].astype(np.float64), at(known.aircraft, known.legs["tailnum"][leg], as_of), np.nan
    )
    return {name: np.where(before >= 0, values, np.nan) for name, values in found.items()} | {"seats": size}


def leg_before(legs: Columns, leg: Minutes, as_of: Minutes) -> Minutes:
    """The last departure in the timetable, as known then, of each one's aircraft before it; -1 if there is none.

    Of two that are due in the same minute, the one that was announced first is the earlier one.
    """
    order = np.lexsort((legs["happened"], legs["tailnum"]))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    tail, before = legs["tailnum"][leg], place[leg] - 1
    while True:
        row = np.append(order, -1)[before]
        same = (before >= 0) & (tail >= 0) & (legs["tailnum"][row] == tail)
        replaced = same & ((as_of < legs["since"][row]) | (legs["until"][row] <= as_of))
        if not replaced.any():
            return np.where(same, row, -1)
        before = before - replaced


def backlog(known: Known, groups: Minutes, asked: Minutes, as_of: Minutes) -> Numbers:
    """Departures of the service day that were due and had not gone."""
    flights = known.flights
    scheduled = known.legs["happened"][flights["leg"]]
    by_day, today = (group * 100_000 + service_day(day) for group, day in ((groups, scheduled), (asked, as_of)))

    def happened(minutes: Minutes) -> Numbers:
        since = np.maximum(flights["since"], minutes)
        return sums_at(by_day, since, flights["until"], [np.ones(len(since))], today, as_of)[0]

    return happened(scheduled) - happened(flights["departed"])


def service_day(minutes: Minutes) -> Minutes:
    """The local date of each minute, as days since 1970."""
    return local_minutes(minutes.astype("datetime64[m]")) // 1440


def overdue(known: Known, groups: Minutes, asked: Minutes, as_of: Minutes, hours: int) -> Numbers:
    """Share of the departures that became due in the last hours and were overdue then; missing if there were none."""
    flights = known.flights
    due = known.legs["happened"][flights["leg"]] + OVERDUE_MINUTES
    since, until = np.maximum(flights["since"], due), np.minimum(flights["until"], due + 60 * hours)
    return mean_at(groups, since, until, (flights["departed"] > due).astype(np.float64), asked, as_of)


def arrivals(
    of: Callable[[Columns], Numbers], known: Known, groups: Minutes, asked: Minutes, as_of: Minutes, hours: int
) -> Numbers:
    """Mean amount of the arrivals of the last hours; missing if there were none."""
    flights, amounts = known.flights, of(known.flights)
    since = np.where(np.isnan(amounts), MISSING_MINUTE, np.maximum(flights["since"], flights["arrived"]))
    until = np.minimum(flights["until"], flights["arrived"] + 60 * hours)
    return mean_at(groups, since, until, amounts, asked, as_of)


def delay(flights: Columns) -> Numbers:
    """Arrival delay."""
    return flights["arrival_delay"]


def late(flights: Columns) -> Numbers:
    """Whether it was late."""
    return np.where(np.isnan(flights["arrival_delay"]), np.nan, flights["arrival_delay"] >= LATE_MINUTES)


def lost(flights: Columns) -> Numbers:
    """Delay gained from gate to gate."""
    return flights["arrival_delay"] - flights["departure_delay"]


def gate_to_gate(flights: Columns) -> Numbers:
    """Time from gate to gate."""
    return np.where(np.isnan(lost(flights)), np.nan, flights["arrived"] - flights["departed"])


def network(
    entity: tuple[str, ...], columns: dict[str, Callable[..., Numbers]], known: Known, asked: Columns, as_of: Minutes
) -> Columns:
    """How late the network runs and ran, for all or for a group."""
    numbers = {name: known.numbers(name, asked[name]) for name in entity}
    group, legs = known.group(entity, numbers, len(as_of)), known.group(entity, known.legs, len(known.legs["since"]))
    return {name: mean(known, legs[known.flights["leg"]], group, as_of) for name, mean in columns.items()}


class View(NamedTuple):
    """Columns of an entity as of a moment; in the online store they expire after `max_age_minutes`."""

    name: str
    entity: tuple[str, ...]
    columns: tuple[str, ...]
    max_age_minutes: int
    function: Callable[[Known, Columns, Minutes], Columns]  # of what is known, the entities, and the minute of each


def network_view(*entity: str, **columns: Callable[..., Numbers]) -> View:
    """A view of the network, for all or for a group."""
    return View("_".join(("network", *entity)), entity, tuple(columns), 60, partial(network, entity, columns))


def of_feed(feed: str) -> tuple[str, ...]:
    """The numbers that a feed fills."""
    return tuple(column.name for column in INPUTS if column.feed == feed and column.kind == "number")


PLANNED = (*NAMED, "scheduled_departure", "scheduled_minutes", "distance", "departures_planned")
OVERDUE_1H, OVERDUE_3H = (partial(overdue, hours=hours) for hours in (1, 3))
DELAY_4H, LATE_28D = partial(arrivals, delay, hours=4), partial(arrivals, late, hours=28 * 24)

VIEWS = (  # [SWAP]
    View("timetable", ("flight_id",), PLANNED, 240, timetable),
    View("weather", ("origin",), of_feed("weather"), 60, weather),
    View("aircraft", ("flight_id",), of_feed("aircraft"), 60, aircraft),
    network_view(
        backlog_all=backlog,
        overdue_1h_all=OVERDUE_1H,
        overdue_3h_all=OVERDUE_3H,
        arrival_delay_4h_all=DELAY_4H,
        lost_12h_all=partial(arrivals, lost, hours=12),
        late_28d_all=LATE_28D,
    ),
    network_view("origin", backlog_origin=backlog, overdue_1h_origin=OVERDUE_1H, overdue_3h_origin=OVERDUE_3H),
    network_view(
        "carrier",
        backlog_carrier=backlog,
        overdue_3h_carrier=OVERDUE_3H,
        arrival_delay_4h_carrier=DELAY_4H,
        late_28d_carrier=LATE_28D,
    ),
    network_view("origin", "carrier", overdue_3h_origin_carrier=OVERDUE_3H),
    network_view(
        "dest",
        arrival_delay_4h_dest=DELAY_4H,
        lost_24h_dest=partial(arrivals, lost, hours=24),
        gate_to_gate_24h_dest=partial(arrivals, gate_to_gate, hours=24),
    ),
    network_view("carrier", "flight", "dest", late_28d_flight=LATE_28D),
)

# [SWAP] To here.


def inputs_at(known: Known, asked: Columns, as_of: Minutes) -> Columns:
    """All columns of all views for some flights, each as of its minute; the first view names the others' entities."""
    for view in VIEWS:
        asked = asked | view.function(known, asked, as_of)
    return asked


def last_tick(minutes: Minutes, every: int = TICK_MINUTES) -> Minutes:
    """The last tick at or before each minute."""
    return minutes // every * every
