"""The data contract: every column with its meaning, unit, range and the moment at which it is known.

One declaration, many readers: `contract()` turns it into the pandera schema that guards batches, the service turns it
into its request body, the docs into the data dictionary, the monitor into the list of what to watch.
"""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from flights.artifacts import digest

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

Moment = Literal["timetable", "prediction", "outcome"]
Kind = Literal["text", "integer", "number", "time"]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Column:
    """One column: what it means, what it may hold, and when it is known.

    A `categories` column refuses a new category; a `pattern` column lets one through, and the model treats what it did
    not see in training as unknown.
    """

    name: str
    kind: Kind
    description: str
    known_at: Moment
    example: Any
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    pattern: str = ""
    nullable: bool = False
    personal: bool = False  # identifies someone or something: hashed in the log
    feed: str = ""  # the upstream feed that fills it; all columns of a feed go missing together
    calendar: bool = False  # moves with the date by nature: not drift


class LeakageError(ValueError):
    """A column known later than the prediction moment was declared an input."""


class DeclarationError(ValueError):
    """What is declared does not fit together."""


def inputs(*columns: Column) -> tuple[Column, ...]:
    """Declare what a prediction may see.

    Raises
    ------
    LeakageError
        A column becomes known only with the outcome.
    """
    late = [column.name for column in columns if column.known_at == "outcome"]
    if late:
        raise LeakageError(f"known only after the prediction, so never an input: {', '.join(late)}")
    return columns


def table(key: Column, inputs: tuple[Column, ...], outcomes: tuple[Column, ...]) -> tuple[Column, ...]:
    """All columns of a row, once the ones that the loop goes by are known to be there.

    Raises
    ------
    DeclarationError
        A column that must have a role is not declared, or is of another kind.
    """
    roles = (
        ("KEY", KEY, "text", (key,)),
        ("EVENT_TIME", EVENT_TIME, "time", inputs),
        ("LOCATION", LOCATION, "text", inputs),
        ("OUTCOME", OUTCOME, "number", outcomes),
        ("OUTCOME_TIME", OUTCOME_TIME, "time", outcomes),
    )
    for role, name, kind, columns in roles:
        fitting = [column.name for column in columns if column.kind == kind]
        if name not in fitting:
            raise DeclarationError(
                f"{role} is `{name}`, expected a declared {kind} column: {', '.join(fitting) or 'none'}"
            )
    return (key, *inputs, *outcomes)


def feed_column(
    feed: str,
    name: str,
    description: str,
    example: float,
    unit: str,
    minimum: float,
    maximum: float,
    *,
    calendar: bool = False,
) -> Column:
    """Declare a number from an upstream feed: known at the prediction, missing where the feed is silent."""
    return Column(
        name,
        "number",
        description,
        "prediction",
        example,
        unit,
        minimum,
        maximum,
        nullable=True,
        feed=feed,
        calendar=calendar,
    )


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

INPUTS = inputs(  # [SWAP] all as known at the prediction; late: 15 minutes or more on arrival
    Column("carrier", "text", "Operating carrier, as its IATA code", "timetable", "UA", categories=CARRIERS),
    Column("flight", "integer", "Flight number: an identity, not a feature", "timetable", 523, "", 1, 9999),
    Column("origin", "text", "Departure airport, as its IATA code", "timetable", "EWR", categories=ORIGINS),
    Column("dest", "text", "Destination airport, as its IATA code", "timetable", "BOS", pattern=AIRPORT),
    Column(EVENT_TIME, "time", "Scheduled departure", "timetable", "2013-11-02T01:56:00Z", "UTC", calendar=True),
    Column("scheduled_minutes", "number", "Scheduled time from gate to gate", "timetable", 72.0, *BLOCK),
    Column("distance", "number", "Great-circle distance to the destination", "timetable", 200.0, "mi", 10, 6000),
    Column(
        "departures_planned",
        "number",
        "Departures in the origin's timetable in the two hours up to this one, itself included",
        "timetable",
        35.0,
        "flights",
        1,
        500,
    ),
    weather("temperature", "Air temperature at the origin", 66.02, "F", -30, 120),
    weather("dew_point", "Dew point at the origin", 53.96, "F", -40, 90),
    weather("humidity", "Relative humidity at the origin", 65.07, "%", 0, 100),
    weather("wind_direction", "Direction that the wind at the origin comes from", 210.0, "degrees", 0, 360),
    weather("wind_speed", "Wind speed at the origin", 13.809, "mph", 0, 150),
    weather("precipitation", "Precipitation at the origin within an hour", 0.0, "in", 0, 10),
    weather("pressure", "Sea-level pressure at the origin", 1003.0, "mbar", 900, 1100),
    weather("pressure_change", "Change of the pressure at the origin within three hours", 1.6, "mbar", -60, 60),
    weather("visibility", "Visibility at the origin", 10.0, "mi", 0, 20),
    network("backlog_all", "New York's departures due so far today, less those gone", 49.0, *DUE),
    network("backlog_origin", "The origin's departures due so far today, less those gone", 25.0, *DUE),
    network("backlog_carrier", "The carrier's departures due so far today, less those gone", 2.0, *DUE),
    network("overdue_1h_all", "Share not gone 15 minutes after schedule: New York, last hour", 0.377, *SHARE),
    network("overdue_1h_origin", "Share not gone 15 minutes after schedule: the origin, last hour", 0.5, *SHARE),
    network("overdue_3h_all", "Share not gone 15 minutes after schedule: New York, last 3 hours", 0.451, *SHARE),
    network("overdue_3h_origin", "Share not gone 15 minutes after schedule: the origin, last 3 hours", 0.609, *SHARE),
    network("overdue_3h_carrier", "Share not gone 15 minutes after schedule: the carrier, last 3 hours", 0.361, *SHARE),
    network(
        "overdue_3h_origin_carrier",
        "Share not gone 15 minutes after schedule: the carrier at the origin, last 3 hours",
        0.37,
        *SHARE,
    ),
    network("arrival_delay_4h_all", "Mean delay of the arrivals from New York, last 4 hours", 10.112, *DELAY),
    network("arrival_delay_4h_carrier", "Mean delay of the carrier's arrivals, last 4 hours", 1.841, *DELAY),
    network("arrival_delay_4h_dest", "Mean delay of the arrivals at the destination, last 4 hours", 10.444, *DELAY),
    network("lost_12h_all", "Mean delay gained from gate to gate, arrivals of the last 12 hours", -0.908, *DELAY),
    network(
        "lost_24h_dest",
        "Mean delay gained from gate to gate, arrivals at the destination, last 24 hours",
        -5.186,
        *DELAY,
    ),
    network(
        "gate_to_gate_24h_dest",
        "Mean time from gate to gate, arrivals at the destination, last 24 hours",
        67.047,
        *BLOCK,
    ),
    # Four weeks back: they follow the season from day to day, so a new level is no drift.
    network("late_28d_all", "Share late of the arrivals from New York, last 28 days", 0.189, *SHARE, calendar=True),
    network("late_28d_carrier", "Share late of the carrier's arrivals, last 28 days", 0.178, *SHARE, calendar=True),
    network(
        "late_28d_flight", "Share late of the flight number's arrivals, last 28 days", 0.125, *SHARE, calendar=True
    ),
    Column(
        "tailnum",
        "text",
        "Registration of the assigned aircraft; that it is known two hours before is an assumption",
        "prediction",
        "N834UA",
        pattern=TAIL,
        nullable=True,
        personal=True,
        feed="aircraft",
    ),
    aircraft(
        "previous_leg_hours",
        "Time since the aircraft's last departure from New York was due, up to a day",
        15.933,
        "h",
        0,
        24,
    ),
    aircraft(
        "previous_leg_minutes", "Scheduled time from gate to gate of the aircraft's last departure", 171.0, *BLOCK
    ),
    aircraft(
        "previous_leg_delay",
        "Delay of the aircraft's last departure; if it has not gone, for how long it is due",
        -4.0,
        *DELAY,
    ),
    aircraft(
        "previous_leg_arrival_delay",
        "Arrival delay of the aircraft's last departure; missing until it arrives",
        -17.0,
        *DELAY,
    ),
    aircraft("seats", "Seats of the aircraft; missing if not in the register", 179.0, "seats", 1, 600),
)

OUTCOMES = (  # [SWAP] what becomes known after the event
    Column(
        "departure_delay",
        "number",
        "Departure delay; negative is early",
        "outcome",
        61.0,
        "min",
        -120,
        2000,
        nullable=True,
    ),
    Column(
        "arrival_delay",
        "number",
        "Arrival delay; negative is early; missing if cancelled or diverted",
        "outcome",
        55.0,
        "min",
        -180,
        2000,
        nullable=True,
    ),
    Column(
        "outcome_known_at",
        "time",
        "When the flight arrived, and its delay became known; missing if it never did",
        "outcome",
        "2013-11-02T04:03:00Z",
        "UTC",
        nullable=True,
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


# [SWAP] To here. What follows holds for any data.

TABLE = table(ROW_KEY, INPUTS, OUTCOMES)
DTYPES = {"text": "str", "integer": "int64", "number": "float64", "time": "datetime64[us, UTC]"}


def as_arrays(frame: "pd.DataFrame", columns: tuple[Column, ...] = INPUTS) -> Columns:
    """Plain NumPy columns of a frame: text as objects (missing is None), times as UTC `datetime64[us]`."""
    return {column.name: _array(frame[column.name], column.kind) for column in columns}


def _array(series: "pd.Series[Any]", kind: Kind) -> NDArray[Any]:
    if kind == "text":
        return np.asarray(series.astype(object).where(series.notna(), None))
    if kind == "time":
        return np.asarray(series.dt.tz_convert(None), dtype="datetime64[us]")
    return np.asarray(series, dtype=np.int64 if kind == "integer" else np.float64)


def schema_digest(columns: tuple[Column, ...] = TABLE) -> str:
    """One digest of everything declared about the columns: it changes when the contract does."""
    return digest(repr(column) for column in columns)


def contract(columns: tuple[Column, ...] = TABLE, *, strict: bool | Literal["filter"] = True) -> "pa.DataFrameSchema":
    """The pandera schema of some columns: exact types, no coercion, unknown columns refused (or filtered away)."""
    import pandera.pandas as pa

    schema = {
        column.name: pa.Column(DTYPES[column.kind], _checks(column), nullable=column.nullable) for column in columns
    }
    keyed = KEY in schema
    return pa.DataFrameSchema(
        schema,
        checks=[pa.Check(_in_time_order, error="rows in the order of time")] if keyed and EVENT_TIME in schema else [],
        strict=strict,
        coerce=False,
        unique=[KEY] if keyed else None,
    )


def _in_time_order(frame: "pd.DataFrame") -> bool:
    return bool(frame[EVENT_TIME].is_monotonic_increasing)


def _checks(column: Column) -> "list[pa.Check]":
    import pandera.pandas as pa

    rule = {"error": f"allowed is {allowed(column)}"}
    checks = []
    if column.categories:
        checks.append(pa.Check.isin(column.categories, **rule))
    if column.pattern:
        checks.append(pa.Check.str_matches(column.pattern, **rule))
    if column.minimum is not None:
        checks.append(pa.Check.in_range(column.minimum, column.maximum, **rule))
    return checks


def data_dictionary(columns: tuple[Column, ...] = TABLE) -> str:
    """The columns as a Markdown table."""
    lines = ["| column | type | unit | allowed | known at | meaning |", "|---|---|---|---|---|---|"]
    for column in columns:
        cells = [f"`{column.name}`", column.kind, column.unit or "-", allowed(column), column.known_at]
        lines.append("| " + " | ".join([*cells, column.description]) + " |")
    return "\n".join(lines) + "\n"


def allowed(column: Column) -> str:
    """What a column may hold, in words."""
    if column.categories:
        words = "one of " + ", ".join(column.categories)
    elif column.pattern:
        words = f"text like {column.pattern}"
    elif column.minimum is not None:
        words = f"{column.minimum:g} to {column.maximum:g}"
    else:
        words = "any"
    return words + (", or missing" if column.nullable else "")
