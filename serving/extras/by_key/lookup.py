"""The inputs of flights from the feature store, as of the last published tick at or before the moment of each.

The moment is when the prediction is due, or now if that is earlier. What is older than its view's maximum age is
missing. All values were written once and never change, so what is found needs no lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic_core import from_json

from flights.dataset import KEY, PREDICTION_LEAD_HOURS
from flights.extras.feature_store.tables import BY_KEY, Event
from flights.extras.feature_views.kinds import OUTCOME_KIND
from flights.extras.feature_views.views import TICK_MINUTES, VIEWS
from serving.extras.by_key.bodies import ViewState
from serving.extras.by_key.parts import MISSING, Name, Part, names_of, no_inputs, part_of
from serving.extras.by_key.store import Clock, FeatureStore
from serving.refusal import FieldProblem, Refused
from serving.request import Flight, example, inputs_json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ALL_FOUND = ("found",) * len(VIEWS)
YOUNGEST = min(view.max_age_minutes for view in VIEWS)  # no older value is expired in any view
ENTITIES_OF = itemgetter(*dict.fromkeys(name for view in VIEWS for name in view.entity))
FLIGHT = Flight.model_validate(example())


class Planned(NamedTuple):
    """What the events say of a flight."""

    event: Event  # the newest of the timetable
    arrivals: list[Event]  # that are known
    names: list[Name]  # of each view's values
    entities: tuple[object, ...]


class Found(NamedTuple):
    """The inputs of one flight, and the state of each view; `request_id` names the flight, the tick and the age."""

    key: str
    request_id: str
    tick: int
    age_minutes: int  # from the tick to the one that was wanted
    parts: Sequence[Part]
    states: tuple[str, ...]  # of each view
    arrivals: list[Event]  # that are known of the flight

    @property
    def flight(self) -> Flight:
        """The flight as `/predict` gets it: each view's inputs were checked by the same fields when they were read."""
        inputs: dict[str, Any] = {"request_id": self.request_id}
        for part in self.parts:
            inputs.update(part.inputs or {})
        return FLIGHT.model_copy(update=inputs)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs as they are logged."""
        return dict(from_json(inputs_json(self.flight, str)))

    @property
    def views(self) -> dict[str, ViewState]:
        """What became of each view, by its name."""
        return view_states(self.states, self.age_minutes)


class Asked(NamedTuple):
    """A flight, the tick that is wanted, the one that there is, its place in the request, and what is known of it."""

    key: str
    wanted: int
    tick: int
    place: str
    planned: Planned


@dataclass
class Known:
    """What was read of a store and has not changed since: its clock, flights, and their values as of its last tick."""

    clock: Clock | None = None
    flights: dict[str, Planned] = field(default_factory=dict)
    parts: dict[Name, Part] = field(default_factory=dict)


def find(
    store: FeatureStore, keys: Sequence[str], now: datetime, places: Sequence[str], known: Known | None = None
) -> list[Found]:
    """Look flights up; `known` has what was read before, and gets what is read.

    Raises
    ------
    Refused
        A flight is not in the timetable, or its timetable is not in a published tick.
    """
    known = Known() if known is None else known
    known.clock = known.clock or store.clock()
    read_flights(store, [key for key in dict.fromkeys(keys) if key not in known.flights], known.flights)
    latest, published, asked = minute(now), known.clock.published_until, []
    for key, place in zip(keys, places, strict=True):
        flight = known.flights.get(key)
        if flight is None:
            raise unknown_key(place)
        due = flight.event.happened - 60 * PREDICTION_LEAD_HOURS
        wanted = min(due, latest) // TICK_MINUTES * TICK_MINUTES
        asked.append(Asked(key, wanted, min(wanted, published), place, flight))
    return as_of(store, asked, known)


def read_flights(store: FeatureStore, keys: Sequence[str], flights: dict[str, Planned]) -> None:
    """Add what the events say of some flights; of one that no event names there is nothing."""
    if keys:
        events = store.events_of((VIEWS[0].name, OUTCOME_KIND), keys)
        for key, some in events[VIEWS[0].name].items():
            flights[key] = planned(some[-1], events[OUTCOME_KIND].get(key, []))


def planned(event: Event, arrivals: list[Event]) -> Planned:
    """What the newest event of the timetable says of a flight."""
    row = from_json(event.content)
    return Planned(event, arrivals, names_of(row), ENTITIES_OF(row))


def as_of(store: FeatureStore, asked: Sequence[Asked], known: Known | None = None) -> list[Found]:
    """The inputs of flights at their ticks.

    One statement reads all views, for the entities that the timetable's newest event names; if the timetable at the
    tick names others, those are read.

    Raises
    ------
    Refused
        The timetable of a flight is not in its tick, or too old; or the store holds what the contract does not allow.
    """
    known = Known() if known is None else known
    names = [each.planned.names for each in asked]
    found = parts_of(store, asked, names, known)
    others = False
    for place, each in enumerate(asked):
        row = found[place][0].checked().inputs
        if row is None or each.wanted - each.tick > VIEWS[0].max_age_minutes:
            raise not_ready(each.place, each.tick)
        row = {**row, KEY: each.key}
        if ENTITIES_OF(row) != each.planned.entities:
            names[place], others = names_of(row), True
    if others:
        found = parts_of(store, asked, names, known)
    return [completed(each, parts) for each, parts in zip(asked, found, strict=True)]


def parts_of(
    store: FeatureStore, asked: Sequence[Asked], names: Sequence[Sequence[Name]], known: Known
) -> list[list[Part]]:
    """The values of each view for each flight; `known` has those as of the last published tick, and gets more."""
    parts = known.parts
    new: dict[tuple[str, str, int], Part] = {}
    for each, some in zip(asked, names, strict=True):
        for name in some:
            part = parts.get(name)
            if part is None or part.since > each.tick:
                new[*name, each.tick] = MISSING
    if not new:
        return [[parts[name] for name in some] for some in names]
    for (view, entity, tick), (since, content) in zip(new, store.values_of(list(new)), strict=True):
        part = new[view, entity, tick] = part_of(view, since, content)
        if known.clock and tick == known.clock.published_until:
            parts[view, entity] = part
    return [
        [new.get((*name, each.tick)) or parts[name] for name in some] for each, some in zip(asked, names, strict=True)
    ]


def completed(of: Asked, found: Sequence[Part]) -> Found:
    """The inputs of one flight; of a view that is missing or too old they are missing."""
    age = of.wanted - of.tick
    states = ALL_FOUND
    if age > YOUNGEST or any(part.inputs is None for part in found):
        pairs = list(zip(VIEWS, found, strict=True))
        states = tuple(
            "missing" if part.is_missing else "found" if age <= view.max_age_minutes else "expired"
            for view, part in pairs
        )
        found = [
            part.checked() if state == "found" else part._replace(inputs=no_inputs(view.name))
            for (view, part), state in zip(pairs, states, strict=True)
        ]
    name = f"{of.key}:{tick_text(of.tick)[1]}" + (f"-{age}" if age > 0 else "")
    return Found(of.key, name, of.tick, age, found, states, of.planned.arrivals)


@lru_cache(1000)
def tick_text(tick: int) -> tuple[str, str]:
    """A tick as answers name it, and as request IDs do."""
    moment = EPOCH + timedelta(minutes=tick)
    return f"{moment:%Y-%m-%dT%H:%MZ}", f"{moment:%Y%m%dT%H%MZ}"


def view_states(states: tuple[str, ...], age_minutes: int) -> dict[str, ViewState]:
    """The state of each view, with the age of its values if there are any."""
    return {
        view.name: ViewState(state=state, age_minutes=None if state == "missing" else age_minutes)
        for view, state in zip(VIEWS, states, strict=True)
    }


def parsed_request_id(request_id: str) -> tuple[str, int, int] | None:
    """Key, tick and age of a prediction by key; None for another prediction."""
    found = BY_KEY.fullmatch(request_id)
    if found is None:
        return None
    try:
        tick = datetime.strptime(found[2], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:  # a client chose digits that are no moment
        return None
    return found[1], minute(tick), int(found[3] or 0)


def minute(moment: datetime) -> int:
    """Whole minutes since 1970 until a moment."""
    return int((moment - EPOCH).total_seconds() // 60)


def unknown_key(place: str) -> Refused:
    """Refuse a key that no event names."""
    expected = "the key of a flight whose timetable event was posted to /events"
    return Refused(
        404, "Unknown key", "No timetable event has this key.", [FieldProblem(field=place, expected=expected)]
    )


def not_ready(place: str, tick: int) -> Refused:
    """Refuse a flight that no published tick has, or only one that is too old."""
    published = tick_text(tick)[0] if tick else "never"
    expected = (
        f"a flight that is due within hours of the last published tick ({published}): is `make materialize` running?"
    )
    return Refused(
        503,
        "No features",
        "The flight's timetable is in no recent tick.",
        [FieldProblem(field=place, expected=expected)],
        5,
    )
