"""The data contract: every column with its meaning, unit, range and the moment at which it is known.

One declaration, many readers: `contract()` turns it into the pandera schema that guards batches, the service turns it
into its request body, the docs into the data dictionary, the monitor into the list of what to watch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

Moment = Literal["timetable", "prediction", "outcome"]
Kind = Literal["text", "integer", "number", "time"]
Columns = dict[str, NDArray[Any]]

PREDICTION_LEAD_HOURS = 2  # [SWAP] a prediction is asked for this long before the scheduled departure
LATE_MINUTES = 15  # [SWAP] the aviation authorities' own limit of "not on time"
EVENT_TIME = "scheduled_departure"  # [SWAP] what splits, windows and the replay go by
KEY = "flight_id"  # [SWAP] names one row; also the request id of its prediction


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


CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
ORIGINS = ("EWR", "JFK", "LGA")
AIRPORT = r"^[A-Z]{3}$"

INPUTS = inputs(  # [SWAP]
    Column("carrier", "text", "Operating carrier, as its IATA code", "timetable", "UA", categories=CARRIERS),
    Column(
        "flight", "integer", "Flight number: an identity, not a feature", "timetable", 1545, minimum=1, maximum=9999
    ),
    Column(
        "tailnum",
        "text",
        "Aircraft assigned; assumed known at the prediction",
        "prediction",
        "N14228",
        pattern=r"^[A-Z0-9]{3,6}$",
        nullable=True,
        personal=True,
        feed="aircraft",
    ),
    Column("origin", "text", "Departure airport", "timetable", "EWR", categories=ORIGINS),
    Column("dest", "text", "Destination airport", "timetable", "IAH", pattern=AIRPORT),
    Column(
        "scheduled_departure",
        "time",
        "Scheduled departure",
        "timetable",
        "2013-11-01T10:15:00Z",
        unit="UTC",
        calendar=True,
    ),
    Column(
        "scheduled_minutes",
        "number",
        "Scheduled gate-to-gate time",
        "timetable",
        224.0,
        unit="min",
        minimum=20,
        maximum=800,
        nullable=True,
    ),
    Column(
        "distance",
        "number",
        "Great-circle distance to the destination",
        "timetable",
        1400.0,
        unit="mi",
        minimum=10,
        maximum=6000,
    ),
    Column(
        "temperature",
        "number",
        "Air temperature at the origin",
        "prediction",
        39.0,
        unit="F",
        minimum=-30,
        maximum=120,
        nullable=True,
        feed="weather",
    ),
    Column(
        "backlog_origin",
        "number",
        "Departures scheduled since the day's start minus those gone, at the origin",
        "prediction",
        3.0,
        unit="flights",
        minimum=-500,
        maximum=1000,
        nullable=True,
        feed="network",
    ),
)

OUTCOMES = (  # [SWAP]
    Column(
        "departure_delay",
        "number",
        "Departure delay; negative is early",
        "outcome",
        4.0,
        unit="min",
        minimum=-120,
        maximum=2000,
        nullable=True,
    ),
    Column(
        "arrival_delay",
        "number",
        "Arrival delay; negative is early; missing if cancelled or diverted",
        "outcome",
        20.0,
        unit="min",
        minimum=-180,
        maximum=2000,
        nullable=True,
    ),
    Column(
        "outcome_known_at",
        "time",
        "When the arrival delay became known; missing if it never did",
        "outcome",
        "2013-11-01T14:50:00Z",
        unit="UTC",
        nullable=True,
    ),
)

ROW_KEY = Column(
    KEY,
    "text",
    "Names one departure: date, carrier, number, origin",
    "timetable",
    "2013-11-01-UA-1545-EWR",
    pattern=r"^\d{4}-\d\d-\d\d-[A-Z0-9]{2}-\d{1,4}-[A-Z]{3}$",
)
TABLE = (ROW_KEY, *INPUTS, *OUTCOMES)

DTYPES = {"text": "str", "integer": "int64", "number": "float64", "time": "datetime64[us, UTC]"}


def targets(frame: "pd.DataFrame") -> "NDArray[np.float64]":
    """1.0 where the flight arrived `LATE_MINUTES` late or more, 0.0 where not, NaN where it has no outcome."""
    delay = frame["arrival_delay"].to_numpy(np.float64)
    return np.where(np.isnan(delay), np.nan, delay >= LATE_MINUTES)


def as_arrays(frame: "pd.DataFrame", columns: tuple[Column, ...] = INPUTS) -> Columns:
    """Plain NumPy columns of a frame: text as objects (missing is None), times as UTC `datetime64[us]`."""
    return {column.name: _array(frame[column.name], column.kind) for column in columns}


def _array(series: "pd.Series[Any]", kind: Kind) -> NDArray[Any]:
    if kind == "text":
        return series.astype(object).where(series.notna(), None).to_numpy()
    if kind == "time":
        return series.dt.tz_convert(None).to_numpy("datetime64[us]")
    return series.to_numpy(np.float64)


def contract(columns: tuple[Column, ...] = TABLE, *, strict: bool | Literal["filter"] = True) -> "pa.DataFrameSchema":
    """The pandera schema of some columns: exact types, no coercion, unknown columns refused (or filtered away)."""
    import pandera.pandas as pa

    schema = {
        column.name: pa.Column(DTYPES[column.kind], _checks(column), nullable=column.nullable) for column in columns
    }
    unique = [KEY] if KEY in schema else None
    return pa.DataFrameSchema(schema, strict=strict, coerce=False, unique=unique)


def _checks(column: Column) -> "list[pa.Check]":
    import pandera.pandas as pa

    checks = []
    if column.categories:
        checks.append(pa.Check.isin(column.categories))
    if column.pattern:
        checks.append(pa.Check.str_matches(column.pattern))
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum))
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
