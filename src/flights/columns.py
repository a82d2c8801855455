"""What a column declares (meaning, type, range, and when it is known), and the checks on a declaration.

`dataset.py` declares the columns with these; `contract.py` has the functions that read the declaration.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Moment = Literal["timetable", "prediction", "outcome"]
Kind = Literal["text", "integer", "number", "time"]
Columns = dict[str, NDArray[Any]]
Times = NDArray[np.datetime64]
Numbers = NDArray[np.float64]
Feature = str | Callable[..., Numbers]


@dataclass(frozen=True)
class Column:
    """One column: what it means, what it may hold, and when it is known.

    A `categories` column rejects a new category. A `pattern` column accepts one, and the model treats a value that it
    did not see in training as unknown.
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
    """The declarations contradict each other."""


def inputs(*columns: Column) -> tuple[Column, ...]:
    """Declare the columns that a prediction may use."""
    late = [column.name for column in columns if column.known_at == "outcome"]
    if late:
        raise LeakageError(f"known only after the prediction, so never an input: {', '.join(late)}")
    return columns


def feed_column(feed: str, name: str, description: str, example: float, *limits: Any, calendar: bool = False) -> Column:
    """Declare a number from an upstream feed (unit, minimum, maximum): missing while the feed is missing."""
    column = Column(name, "number", description, "prediction", example, *limits)
    return replace(column, nullable=True, feed=feed, calendar=calendar)


def outcome_column(name: str, kind: Kind, description: str, example: Any, *limits: Any) -> Column:
    """Declare what becomes known after the event, or never; limits are unit, minimum and maximum."""
    return replace(Column(name, kind, description, "outcome", example, *limits), nullable=True)
