"""What a client may send, made from the data contract: same names, types, ranges, categories and nullability.

The bodies are ordinary pydantic models, so FastAPI documents them; what the service answers is in `answer.py`.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializationInfo,
    StringConstraints,
    WithJsonSchema,
    create_model,
)
from pydantic.types import FailFast

from flights.columns import Column, Columns, Kind
from flights.dataset import EVENT_TIME, INPUTS, OUTCOME, OUTCOMES, ROWS
from flights.privacy import Pseudonym

MAX_ROWS = 1000  # flights or outcomes in one call
MAX_TEXT = 100  # characters of a text that the contract bounds no further
ISO_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
STRING_NAMES = ("request_id", *(column.name for column in INPUTS if column.kind in {"text", "time"}))
STRINGS = itemgetter(*STRING_NAMES)
NUMBER_NAMES = tuple(column.name for column in INPUTS if column.kind == "number")
NUMBERS = itemgetter(*NUMBER_NAMES)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as NumPy keeps it
MICROSECOND = timedelta(microseconds=1)
NOT_A_TIME = -(2**63)  # NumPy's missing time, as a number
IDENTITY = r"^[A-Za-z0-9._:-]{1,100}$"


def utc(text: object) -> datetime:
    """Turn ISO 8601 with an offset into the naive UTC time that NumPy keeps.

    Raises
    ------
    ValueError
        It is something else, there is no such day, or it lies outside the years 1 to 9999 in UTC.
    """
    if not (isinstance(text, str) and ISO_TIME.fullmatch(text)):
        raise ValueError("expected ISO 8601 with an offset")
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError("expected a time in the years 1 to 9999") from error


RequestId = Annotated[str, StringConstraints(pattern=IDENTITY)]
Time = Annotated[datetime, BeforeValidator(utc), WithJsonSchema({"type": "string", "format": "date-time"})]


class Body(BaseModel):
    """What all bodies share: nothing is coerced, nothing unknown is let in, no NaN, and errors never echo the input."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class Identified(Body):
    """A flight with the name that its prediction goes by; asking again under the same name gives the same answer."""

    request_id: RequestId | None = Field(
        None, exclude=True, description="Names this prediction, made up where absent; repeat it to ask again safely."
    )

    def quotes(self) -> int:
        """Count the quotation marks in the JSON that this was read from: two for every key and every text.

        More of them mean a key that was there twice; comparing them costs far less than parsing again.
        """
        texts: int = len(STRING_NAMES) - STRINGS(self.__dict__).count(None)
        return 2 * (len(self.model_fields_set) + texts)


def in_the_log(value: str | None, info: SerializationInfo[Pseudonym | None]) -> str | None:
    """Write a personal value by its pseudonym."""
    return value if value is None or info.context is None else info.context(value)


def field(column: Column) -> tuple[Any, Any]:
    """One contract column as a pydantic field; a nullable one must be there too, as null."""
    described = Field(
        description=column.description + (f", in {column.unit}" if column.unit else ""), examples=[column.example]
    )
    annotation = _annotation(column) | None if column.nullable else _annotation(column)
    return (Annotated[annotation, PlainSerializer(in_the_log)] if column.personal else annotation), described


def _annotation(column: Column) -> Any:
    if column.kind == "time":
        return Time
    if column.categories:
        return Literal[column.categories]
    if column.kind == "text":
        return Annotated[str, StringConstraints(pattern=column.pattern or None, max_length=MAX_TEXT)]
    number = int if column.kind == "integer" else float
    return Annotated[number, Field(ge=column.minimum, le=column.maximum)]


if TYPE_CHECKING:

    class Flight(Identified):
        """One flight to predict; its fields are the contract's inputs."""

else:
    Flight = create_model(
        "Flight",
        __base__=Identified,
        __doc__="One flight to predict: the contract's inputs.",
        **{column.name: field(column) for column in INPUTS},
    )


class Flights(Body):
    """Several flights to predict, all or none."""

    flights: Annotated[list[Flight], Field(alias=ROWS, min_length=1, max_length=MAX_ROWS), FailFast()]

    def quotes(self) -> int:
        """Count the quotation marks in the JSON that this was read from."""
        return 2 + sum(flight.quotes() for flight in self.flights)


REPORTED = next(column for column in OUTCOMES if column.name == OUTCOME)
Reported = Annotated[float, Field(ge=REPORTED.minimum, le=REPORTED.maximum)]


class Outcome(Body):
    """What really happened to one predicted flight, as known at a moment; later knowledge replaces earlier."""

    request_id: RequestId = Field(description="The name of the prediction that this is the outcome of.")
    value: Reported | None = Field(
        alias=OUTCOME, description=f"{REPORTED.description}, in {REPORTED.unit}", examples=[REPORTED.example]
    )
    known_at: Time = Field(description="When this became known.", examples=["2013-11-01T14:50:00Z"])


class Outcomes(Body):
    """Several outcomes: late, twice, out of order or of unknown predictions as they may be."""

    outcomes: Annotated[list[Outcome], Field(min_length=1, max_length=MAX_ROWS), FailFast()]

    def quotes(self) -> int:
        """Count the quotation marks in the JSON that this was read from."""
        return 2 + sum(2 * len(outcome.model_fields_set) + 4 for outcome in self.outcomes)


def has_repeated_keys(raw: bytes) -> bool:
    """Tell whether an object in a JSON text has a key twice: parsers keep the last one in silence."""
    repeated = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) < len(pairs)

    try:
        json.loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False  # no JSON at all, which is said elsewhere
    return repeated


def inputs_json(flight: Flight, named: Pseudonym) -> str:
    """Write the inputs as validated, without the request id and with pseudonyms, as one flat JSON object."""
    return flight.__pydantic_serializer__.to_json(flight, context=named).decode()  # model_dump_json takes twice as long


def columns(flights: Sequence[Flight]) -> Columns:
    """Turn some flights into input columns, as `registry.as_columns` would, in a fifth of its time.

    All numbers are converted at once, and times by subtraction: NumPy takes 3 us to understand one datetime.
    """
    rows = [flight.__dict__ for flight in flights]
    flat = np.fromiter(chain.from_iterable(map(NUMBERS, rows)), object, len(rows) * len(NUMBER_NAMES))
    numbers = flat.astype(np.float64).reshape(len(rows), -1).T  # None becomes NaN
    made = dict(zip(NUMBER_NAMES, numbers, strict=True))
    return {c.name: made[c.name] if c.name in made else _array([row[c.name] for row in rows], c.kind) for c in INPUTS}


def _array(values: list[Any], kind: Kind) -> NDArray[Any]:
    if kind == "time":
        return np.array([NOT_A_TIME if value is None else (value - EPOCH) // MICROSECOND for value in values]).view(
            "datetime64[us]"
        )
    return np.array(values, object if kind == "text" else np.int64)


def event_times(columns: Columns) -> list[str]:
    """When the flights are scheduled, as `predictions.timestamp` writes it, for all at once."""
    return [f"{moment}Z" for moment in np.datetime_as_string(columns[EVENT_TIME], unit="us").tolist()]


def example() -> dict[str, Any]:
    """Build a request that is valid."""
    return {column.name: column.example for column in INPUTS}
