"""The contract's columns as pydantic fields: same types, ranges, categories and nullability."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, SerializationInfo, StringConstraints, WithJsonSchema

from flights.columns import Column
from flights.dataset import ROW_KEY

Pseudonymizer = Callable[[str], str]

MAX_TEXT = 100  # characters of a text that the contract bounds no further
BOOLEAN = ("False", "True")  # categories of a column that a client may also send as JSON's false and true
ISO_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def utc(text: object) -> datetime:
    """Parse ISO 8601 with an offset, of the years 1 to 9999 in UTC, into the naive UTC time that NumPy uses."""
    if not (isinstance(text, str) and ISO_TIME.fullmatch(text)):
        raise ValueError("expected ISO 8601 with an offset")
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError("expected a time in the years 1 to 9999") from error


REQUEST_ID = ROW_KEY.pattern if ROW_KEY.personal else rf"^[A-Za-z0-9._:-]{{1,{MAX_TEXT}}}$"
RequestId = Annotated[str, StringConstraints(pattern=REQUEST_ID)]
Time = Annotated[datetime, BeforeValidator(utc), WithJsonSchema({"type": "string", "format": "date-time"})]


def in_the_log(value: str | None, info: SerializationInfo[Pseudonymizer | None]) -> str | None:
    """Replace a personal value by its pseudonym."""
    return value if value is None or info.context is None else info.context(value)


def field(column: Column) -> tuple[Any, Any]:
    """One column as a pydantic field; a nullable column is required too, as null."""
    described = Field(
        description=column.description + (f", in {column.unit}" if column.unit else ""), examples=[column.example]
    )
    annotation = _annotation(column) | None if column.nullable else _annotation(column)
    return (Annotated[annotation, PlainSerializer(in_the_log)] if column.personal else annotation), described


def _annotation(column: Column) -> Any:
    if column.kind == "time":
        return Time
    if column.categories == BOOLEAN:
        as_text = BeforeValidator(lambda value: str(value) if isinstance(value, bool) else value)
        return Annotated[Literal[column.categories], as_text, WithJsonSchema({"enum": [False, True, *BOOLEAN]})]
    if column.categories:
        return Literal[column.categories]
    if column.kind == "text":
        return Annotated[str, StringConstraints(pattern=column.pattern or None, max_length=MAX_TEXT)]
    number = int if column.kind == "integer" else float
    return Annotated[number, Field(ge=column.minimum, le=column.maximum)]
