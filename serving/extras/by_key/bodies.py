"""What a client may send and gets: events of each kind, and the keys of flights; made from their declarations."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BaseModel, Field, create_model
from pydantic.types import FailFast

from flights.contract import allowed
from flights.dataset import KEY, ROW_KEY
from flights.extras.feature_views.kinds import CLOCKS, KINDS, Kind
from serving.answer import Answer
from serving.fields import Time, field
from serving.refusal import EXPECTED
from serving.request import MAX_ROWS, Body


class AnyEvent(Body):
    """One event: what happened, when, and when it became known. A later `known_at` corrects an earlier one."""

    kind: str
    event_time: datetime
    known_at: datetime

    def strings(self) -> int:
        """Count every key, the two times, and every other value that is a text."""
        return len(self.model_fields_set) + 2 + sum(isinstance(value, str) for value in self.__dict__.values())


def event_model(kind: Kind) -> type[AnyEvent]:
    """The body of one kind of event."""
    fields: dict[str, Any] = {column.name: field(column) for column in (*CLOCKS, *kind.columns)}
    fields["kind"] = (Literal[kind.name], ...)
    made: type[AnyEvent] = create_model(f"{kind.name.title()}Event", __base__=AnyEvent, __doc__=kind.about, **fields)
    return made


if TYPE_CHECKING:
    Event = AnyEvent
else:
    Event = Annotated[Union[tuple(map(event_model, KINDS))], Field(discriminator="kind")]  # noqa: UP007


class Events(Body):
    """Several events: late, twice, out of order or corrected as they may be."""

    events: Annotated[list[Event], Field(max_length=MAX_ROWS), FailFast()]
    complete_until: Time | None = Field(
        None, description="Every event known by then has been sent: the ticks up to it can be computed."
    )

    def strings(self) -> int:
        """Count the events', their list's key, and the key and text of the time."""
        complete = "complete_until" in self.model_fields_set
        return 1 + sum(event.strings() for event in self.events) + complete + (self.complete_until is not None)


class EventsReceipt(BaseModel):
    """What became of reported events."""

    accepted: int = Field(description="Events that are new.")
    repeated: int = Field(description="Events that were reported before, word for word.")
    late: int = Field(description="Accepted events that were known by a tick that is closed: they count after it.")
    outcomes: int = Field(description="Outcomes of predictions by key that followed from the events, and are new.")


if TYPE_CHECKING:
    KeyText = str

    class Key(Body):
        """The key of one flight."""

else:
    KeyText = field(ROW_KEY)[0]
    KeyBody = create_model("KeyBody", __base__=Body, **{KEY: field(ROW_KEY)})

    class Key(KeyBody):
        """The key of one flight; its inputs are looked up."""

        def strings(self) -> int:
            """Count one key and its value."""
            return 2


class Keys(Body):
    """The keys of several flights, all or none."""

    keys: Annotated[list[KeyText], Field(min_length=1, max_length=MAX_ROWS), FailFast()]

    def strings(self) -> int:
        """Count the key of the list and its values."""
        return 1 + len(self.keys)


class ViewState(BaseModel):
    """What became of one feature view."""

    state: Literal["found", "missing", "expired"] = Field(
        description="Not found and expired values are missing inputs."
    )
    age_minutes: int | None = Field(description="From the view's tick to the tick that was asked for.")


class AnswerByKey(Answer):
    """One prediction, and what its inputs are made of."""

    tick: str = Field(description="The tick as of which the inputs were computed.")
    views: dict[str, ViewState] = Field(description="Each feature view by its name.")


class AnswersByKey(BaseModel):
    """One prediction for each key, in their order."""

    predictions: list[AnswerByKey]


EXPECTED.update(
    {column.name: f"{column.kind}, {allowed(column)}" for kind in KINDS for column in kind.columns}
    | {
        "kind": f"one of {', '.join(kind.name for kind in KINDS)}",
        "events": f"a list of at most {MAX_ROWS} events",
        "keys": f"a list of 1 to {MAX_ROWS} keys",
        "event_time": "ISO 8601 time with an offset",
        "complete_until": "ISO 8601 time with an offset",
    }
    | {KEY: f"text, {allowed(ROW_KEY)}"}
)
