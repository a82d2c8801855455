"""The example's events: each kind with its columns, which the contract declares, and two clocks.

`event_time` says when it happened, and `known_at` when we learned of it. A kind's `entity` names what it is about:
of two versions of one entity's event, the one known later replaces the other.
"""

from dataclasses import replace
from typing import NamedTuple

from flights.columns import Column
from flights.contract import TABLE

COLUMNS = {column.name: column for column in TABLE}
CLOCKS = (
    Column("event_time", "time", "When it happens or happened", "outcome", "2013-11-02T01:56:00Z", "UTC"),
    Column("known_at", "time", "When it became known", "outcome", "2013-11-02T01:56:00Z", "UTC"),
)


class Kind(NamedTuple):
    """One kind of event."""

    name: str
    about: str  # one sentence
    entity: tuple[str, ...]  # columns that name what it is about
    columns: tuple[Column, ...]
    ahead: bool = False  # may be known before it happens
    lasting: bool = False  # counts however long ago it happened


def declared(*names: str, present: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """Columns of the contract; those of `present` are never missing."""
    return tuple(
        replace(COLUMNS[name], nullable=False) if name in present else COLUMNS[name] for name in (*names, *present)
    )


# [SWAP] From here to the next such line: what is true of these data.

TIMETABLE = ("carrier", "flight", "origin", "dest", "scheduled_minutes", "distance", "tailnum")
OBSERVED = tuple(name for name, column in COLUMNS.items() if column.feed == "weather" and name != "pressure_change")

KINDS = (  # [SWAP]
    Kind(
        "timetable",
        "A planned departure; the event time is its schedule.",
        ("flight_id",),
        declared("flight_id", *TIMETABLE),
        ahead=True,
    ),
    Kind("departure", "A flight left the gate.", ("flight_id",), declared("flight_id", present=("departure_delay",))),
    Kind("arrival", "A flight arrived.", ("flight_id",), declared("flight_id", present=("arrival_delay",))),
    Kind(
        "weather",
        "An hour's observation at an origin; the event time is the hour's begin.",
        ("origin", "event_time"),
        declared("origin", *OBSERVED),
    ),
    Kind(
        "aircraft",
        "An aircraft in the register.",
        ("tailnum",),
        declared(present=("tailnum", "seats")),
        ahead=True,
        lasting=True,
    ),
)

OUTCOME_KIND = "arrival"  # [SWAP] the kind that reports the outcome

# [SWAP] To here.

BY_NAME = {kind.name: kind for kind in KINDS}
