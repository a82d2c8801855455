"""One feature function, used by training and by serving: row-wise, stateless, on plain NumPy columns.

Each feature is a function named after the data that it makes; its parameters are the columns that it reads. Anything
fitted (encodings, trees, thresholds) belongs to the model. To add one: write the function, list it in `FEATURES`.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from inspect import signature
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from flights.dataset import INPUTS, ZONE, Columns, DeclarationError

Times = NDArray[np.datetime64]
Minutes = NDArray[np.int64]
Numbers = NDArray[np.float64]
Feature = str | Callable[..., Numbers]

PERSONAL = frozenset(column.name for column in INPUTS if column.personal)
MAX_FEATURES = 40  # every one must earn its place: it costs its caller a value, and the model a way to be wrong
FIRST_YEAR, LAST_YEAR = 2000, 2050  # of the clock changes known; beyond them the nearest offset holds


# [SWAP] From here to the next such line: what is true of these data.


def minute_of_day(scheduled_departure: Times) -> Numbers:
    """Local time of the scheduled departure, in minutes since midnight."""
    return (local_minutes(scheduled_departure) % 1440).astype(np.float64)


def weekday(scheduled_departure: Times) -> Numbers:
    """Local day of the week; 0 is Monday."""
    days = local_minutes(scheduled_departure) // 1440
    return ((days + 3) % 7).astype(np.float64)  # 1970 began on a Thursday


def schedule_shortfall(gate_to_gate_24h_dest: Numbers, scheduled_minutes: Numbers) -> Numbers:
    """How much longer the way took lately than this flight's schedule allows, in minutes."""
    return gate_to_gate_24h_dest - scheduled_minutes


def flight_lateness(late_28d_flight: Numbers, late_28d_all: Numbers) -> Numbers:
    """How much more often than others this flight number was late; a bare rate would tell the season."""
    return late_28d_flight - late_28d_all


def carrier_lateness(late_28d_carrier: Numbers, late_28d_all: Numbers) -> Numbers:
    """How much more often than others the carrier was late."""
    return late_28d_carrier - late_28d_all


def turnaround_slack(
    previous_leg_hours: Numbers,
    previous_leg_minutes: Numbers,
    previous_leg_delay: Numbers,
    previous_leg_arrival_delay: Numbers,
) -> Numbers:
    """Minutes left on the ground if the aircraft flies out and back as planned, after the delay known so far."""
    arrived = ~np.isnan(previous_leg_arrival_delay)
    delay = np.where(arrived, previous_leg_arrival_delay, previous_leg_delay)
    return 60 * previous_leg_hours - 2 * previous_leg_minutes - delay


def time_since_landing(
    previous_leg_hours: Numbers, previous_leg_minutes: Numbers, previous_leg_arrival_delay: Numbers
) -> Numbers:
    """Minutes from the previous leg's arrival to this departure's schedule; missing until it has arrived."""
    return 60 * previous_leg_hours - previous_leg_minutes - previous_leg_arrival_delay


CATEGORIES = ("carrier", "origin", "dest")  # [SWAP] text, as it is: the model looks up what it learned of each
HEURISTIC = ("carrier", "minute_of_day")  # [SWAP] the rule to beat: the historic rate of each of these in each hour
MONOTONIC_CONSTRAINTS = {  # [SWAP] features with which the risk may only rise (1) or only fall (-1)
    "previous_leg_arrival_delay": 1,
    "turnaround_slack": -1,
    "time_since_landing": -1,
}
FEATURES: tuple[Feature, ...] = (  # [SWAP] a name passes an input through
    *CATEGORIES,
    minute_of_day,
    weekday,
    "distance",
    "scheduled_minutes",
    "departures_planned",
    "temperature",
    "dew_point",
    "humidity",
    "wind_direction",
    "wind_speed",
    "precipitation",
    "pressure",
    "pressure_change",
    "visibility",
    "backlog_all",
    "backlog_origin",
    "backlog_carrier",
    "overdue_1h_all",
    "overdue_1h_origin",
    "overdue_3h_all",
    "overdue_3h_origin",
    "overdue_3h_carrier",
    "overdue_3h_origin_carrier",
    "arrival_delay_4h_all",
    "arrival_delay_4h_carrier",
    "arrival_delay_4h_dest",
    "lost_12h_all",
    "lost_24h_dest",
    schedule_shortfall,
    flight_lateness,
    carrier_lateness,
    "previous_leg_hours",
    "previous_leg_arrival_delay",
    turnaround_slack,
    time_since_landing,
    "seats",
)

# [SWAP] To here. What follows holds for any data.


def build_features(columns: Columns) -> Columns:
    """Make every feature of some rows.

    Parameters
    ----------
    columns : input column name -> array of shape (rows,), as `dataset.as_arrays` makes them.

    Returns
    -------
    Feature name -> array of shape (rows,), in the order of `FEATURES`: objects for categories, else float64.
    """
    return {
        name: columns[name] if function is None else function(*(columns[parameter] for parameter in parameters))
        for name, function, parameters in plan()
    }


@cache
def plan() -> tuple[tuple[str, Callable[..., Numbers] | None, tuple[str, ...]], ...]:
    """Name, function (none for an input passed through) and the columns read, for each feature.

    Raises
    ------
    DeclarationError
        A feature reads what is no input or identifies someone, a text is no category, or the heuristic goes by what is
        no feature.
    """
    made = tuple(
        (feature, None, (feature,))
        if isinstance(feature, str)
        else (feature.__name__, feature, tuple(signature(feature).parameters))
        for feature in FEATURES
    )
    kinds = {column.name: column.kind for column in INPUTS}
    for name, function, parameters in made:
        if missing := [parameter for parameter in parameters if parameter not in kinds]:
            raise DeclarationError(f"feature {name} reads {', '.join(missing)}: declare it in dataset.INPUTS")
        if persons := [parameter for parameter in parameters if parameter in PERSONAL]:
            raise DeclarationError(f"feature {name}: {', '.join(persons)} identifies someone, and is never a feature")
        if (function is None and (kinds[name] == "text") != (name in CATEGORIES)) or kinds.get(name) == "time":
            raise DeclarationError(
                f"feature {name}: list a text in CATEGORIES, and nothing else; make a number of a time"
            )
    names = {name for name, _, _ in made}
    if missing := [name for name in (*CATEGORIES, *HEURISTIC, *MONOTONIC_CONSTRAINTS) if name not in names]:
        raise DeclarationError(
            f"CATEGORIES, HEURISTIC or MONOTONIC_CONSTRAINTS name {', '.join(missing)}: list it in FEATURES"
        )
    return made


def local_minutes(times: Times) -> Minutes:
    """What the operation's clocks show at some UTC times, as minutes since 1970."""
    changes, offsets = clock_changes()
    minutes = times.astype("datetime64[m]").astype(np.int64)
    return minutes + offsets[changes.searchsorted(minutes, side="right")]


@cache
def clock_changes() -> tuple[Minutes, Minutes]:
    """When the clocks change (UTC minutes since 1970), and their minutes ahead of UTC before each change and after."""
    days = 24 * np.arange(f"{FIRST_YEAR}", f"{LAST_YEAR + 1}", dtype="datetime64[D]").astype(np.int64)
    eves = days[:-1][np.diff(minutes_ahead(days)) != 0]
    hours = (eves[:, None] + np.arange(25)).ravel()
    ahead = minutes_ahead(hours)
    after = 1 + np.flatnonzero(np.diff(ahead))
    return 60 * hours[after], ahead[np.append(0, after)]


def minutes_ahead(hours: NDArray[np.int64]) -> Minutes:
    """How far the operation's clocks are ahead of UTC, at some hours since 1970."""
    zone = ZoneInfo(ZONE)
    offsets = [datetime.fromtimestamp(3600 * hour, zone).utcoffset() for hour in hours.tolist()]
    return np.array(offsets, "timedelta64[m]").astype(np.int64)
