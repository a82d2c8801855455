"""The example's features: each is a function named after its result; its parameters are the columns that it reads.

This file holds declarations only: replace them by your own. Features are row-wise and stateless; fitted encodings,
trees and thresholds belong to the model. To add one: write the function and list it in `FEATURES`.
"""

import numpy as np

from flights.clock import local_minutes
from flights.columns import Feature, Numbers, Times

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
HEURISTIC_BANDS = {"minute_of_day": tuple(range(0, 1441, 60))}  # [SWAP] limits of the bands of its numbers
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

# [SWAP] To here.
