"""The example's data: every column with its meaning, unit, range and the moment at which it is known.

This file holds declarations only: replace them by your own. `contract.py` reads them.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from flights.columns import Column, feed_column, inputs, outcome_column

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# [SWAP] From here to the next such line: what is true of these data.

QUESTION = "Will this flight arrive 15 minutes late or more?"  # [SWAP] what the probability answers
ROWS = "flights"  # [SWAP] what rows are called, in words and as the key of a batch's body
POSITIVE = "late"  # [SWAP] what a row is called whose answer is yes
SCOPE = (  # [SWAP] what the model is for, and what not
    "Departures from New York's three airports. Not for other airports or decisions about persons. Cancelled and "
    "diverted flights have no arrival delay: they are neither learned from nor counted."
)
FAILURES = (  # [SWAP] how the model is known to go wrong, beyond what is measured: for the model card
    "**Its designers had seen the whole year.** Features were chosen by a backtest over all months, the holdout's too: "
    "a year that nobody has seen may come out a little worse.",
    "**It knows what New York knew two hours before.** A storm that breaks in between is missed.",
    "**New places are average places.** A destination or an aircraft that training did not see gets the mean rate.",
    "**Cancelled flights are outside**, though passengers suffer them most; a day of cancellations looks calmer.",
)
BANDS = {"distance": (0, 500, 1000, 1500, 6000)}  # [SWAP] numbers that slices go by, with the limits of their bands
PREDICTION_LEAD_HOURS = 2  # [SWAP] a prediction is asked for this long before the event
LATE_MINUTES = 15  # [SWAP] the aviation authorities' own limit of "not on time"
EVENT_TIME = "scheduled_departure"  # [SWAP] the event: what splits, windows and the replay go by
ZONE = "America/New_York"  # [SWAP] the local time of the operation: hours of the day and calendar days go by it
LOCATION = "origin"  # [SWAP] the input that says where the feeds report from
KEY = "flight_id"  # [SWAP] names one row; also the request id of its prediction
OUTCOME = "arrival_delay"  # [SWAP] the outcome that is reported back, and that the target is made from
OUTCOME_TIME = "outcome_known_at"  # [SWAP] when it became known

CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
ORIGINS = ("EWR", "JFK", "LGA")
AIRPORT = r"^[A-Z]{3}$"
TAIL = r"^[A-Z0-9]{3,6}$"
weather, network, aircraft = (partial(feed_column, feed) for feed in ("weather", "network", "aircraft"))
BLOCK = ("min", 20, 1500)
DELAY = ("min", -180, 2000)
DUE = ("flights", -500, 2000)
SHARE = ("share", 0, 1)

# One or two lines for each column.
# fmt: off
INPUTS = inputs(  # [SWAP] all as known at the prediction; late: 15 minutes or more on arrival
    Column("carrier", "text", "Operating carrier, as its IATA code", "timetable", "UA", categories=CARRIERS),
    Column("flight", "integer", "Flight number: an identity, not a feature", "timetable", 523, "", 1, 9999),
    Column("origin", "text", "Departure airport, as its IATA code", "timetable", "EWR", categories=ORIGINS),
    Column("dest", "text", "Destination airport, as its IATA code", "timetable", "BOS", pattern=AIRPORT),
    Column(EVENT_TIME, "time", "Scheduled departure", "timetable", "2013-11-02T01:56:00Z", "UTC", calendar=True),
    Column("scheduled_minutes", "number", "Scheduled time from gate to gate", "timetable", 72.0, *BLOCK),
    Column("distance", "number", "Great-circle distance to the destination", "timetable", 200.0, "mi", 10, 6000),
    Column("departures_planned", "number",
        "Departures in the origin's timetable in the two hours up to this one, itself included", "timetable", 35.0,
        "flights", 1, 500),
    weather("temperature", "Air temperature at the origin", 66.02, "F", -30, 120),
    weather("dew_point", "Dew point at the origin", 53.96, "F", -40, 90),
    weather("humidity", "Relative humidity at the origin", 65.07, "%", 0, 100),
    weather("wind_direction", "Direction that the wind at the origin comes from", 210.0, "degrees", 0, 360),
    weather("wind_speed", "Wind speed at the origin", 13.809, "mph", 0, 150),
    weather("precipitation", "Precipitation at the origin within an hour", 0.0, "in", 0, 10),
    weather("pressure", "Sea-level pressure at the origin", 1003.0, "mbar", 900, 1100),
    weather("pressure_change", "Change of the pressure at the origin within three hours", 1.6, "mbar", -60, 60),
    weather("visibility", "Visibility at the origin", 10.0, "mi", 0, 20),
    network("backlog_all", "New York's departures due so far today, less those gone", 48.0, *DUE),
    network("backlog_origin", "The origin's departures due so far today, less those gone", 25.0, *DUE),
    network("backlog_carrier", "The carrier's departures due so far today, less those gone", 2.0, *DUE),
    network("overdue_1h_all", "Share not gone 15 minutes after schedule: New York, last hour", 0.377, *SHARE),
    network("overdue_1h_origin", "Share not gone 15 minutes after schedule: the origin, last hour", 0.5, *SHARE),
    network("overdue_3h_all", "Share not gone 15 minutes after schedule: New York, last 3 hours", 0.451, *SHARE),
    network("overdue_3h_origin", "Share not gone 15 minutes after schedule: the origin, last 3 hours", 0.609, *SHARE),
    network("overdue_3h_carrier", "Share not gone 15 minutes after schedule: the carrier, last 3 hours", 0.361, *SHARE),
    network("overdue_3h_origin_carrier",
        "Share not gone 15 minutes after schedule: the carrier at the origin, last 3 hours", 0.37, *SHARE),
    network("arrival_delay_4h_all", "Mean delay of the arrivals from New York, last 4 hours", 10.0, *DELAY),
    network("arrival_delay_4h_carrier", "Mean delay of the carrier's arrivals, last 4 hours", 1.841, *DELAY),
    network("arrival_delay_4h_dest", "Mean delay of the arrivals at the destination, last 4 hours", 10.444, *DELAY),
    network("lost_12h_all", "Mean delay gained from gate to gate, arrivals of the last 12 hours", -0.908, *DELAY),
    network("lost_24h_dest", "Mean delay gained from gate to gate, arrivals at the destination, last 24 hours", -5.186,
        *DELAY),
    network("gate_to_gate_24h_dest", "Mean time from gate to gate, arrivals at the destination, last 24 hours", 67.047,
        *BLOCK),
    # Four weeks back: they follow the season from day to day, so a new level is no drift.
    network("late_28d_all", "Share late of the arrivals from New York, last 28 days", 0.189, *SHARE, calendar=True),
    network("late_28d_carrier", "Share late of the carrier's arrivals, last 28 days", 0.178, *SHARE, calendar=True),
    network("late_28d_flight", "Share late of the flight number's arrivals, last 28 days", 0.125, *SHARE,
        calendar=True),
    Column("tailnum", "text",
        "Registration of the assigned aircraft; that it is known two hours before is an assumption", "prediction",
        "N834UA", pattern=TAIL, nullable=True, personal=True, feed="aircraft"),
    aircraft("previous_leg_hours", "Time since the aircraft's last departure from New York was due, up to a day",
        15.933, "h", 0, 24),
    aircraft("previous_leg_minutes", "Scheduled time from gate to gate of the aircraft's last departure", 171.0,
        *BLOCK),
    aircraft("previous_leg_delay", "Delay of the aircraft's last departure; if it has not gone, for how long it is due",
        -4.0, *DELAY),
    aircraft("previous_leg_arrival_delay", "Arrival delay of the aircraft's last departure; missing until it arrives",
        -17.0, *DELAY),
    aircraft("seats", "Seats of the aircraft; missing if not in the register", 179.0, "seats", 1, 600),
)
# fmt: on

OUTCOMES = (  # [SWAP] what becomes known after the event
    outcome_column("departure_delay", "number", "Departure delay; negative is early", 61.0, "min", -120, 2000),
    outcome_column(
        "arrival_delay", "number", "Arrival delay; negative is early; missing if cancelled or diverted", 55.0, *DELAY
    ),
    outcome_column(
        "outcome_known_at",
        "time",
        "When the flight arrived, and its delay became known; missing if it never did",
        "2013-11-02T04:03:00Z",
        "UTC",
    ),
)

ROW_KEY = Column(  # [SWAP] how rows are named
    KEY,
    "text",
    "Names one departure: date, carrier, number, origin",
    "timetable",
    "2013-11-01-UA-523-EWR",
    pattern=r"^\d{4}-\d\d-\d\d-[A-Z0-9]{2}-\d{1,4}-[A-Z]{3}$",
)


def targets(frame: "pd.DataFrame") -> "NDArray[np.float64]":  # [SWAP]
    """1.0 where the flight arrived `LATE_MINUTES` late or more, 0.0 where not, NaN where it has no outcome."""
    delay = frame[OUTCOME].to_numpy(np.float64)
    return np.where(np.isnan(delay), np.nan, delay >= LATE_MINUTES)


def outcome_hours(frame: "pd.DataFrame") -> "pd.Series[float]":  # [SWAP]
    """Hours from the event until the outcome must have become known, if it is true: a delay is known on arrival."""
    hours: pd.Series[float] = (frame["scheduled_minutes"] + frame[OUTCOME]) / 60
    return hours


# [SWAP] To here.
