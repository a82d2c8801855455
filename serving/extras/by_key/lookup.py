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
from flights.extras.feature_store.tables import BY_KEY, Event, entity_name
from flights.extras.feature_views.kinds import OUTCOME_KIND
from flights.extras.feature_views.views import TICK_MINUTES, VIEWS
from serving.extras.by_key.bodies import ViewState
from serving.extras.by_key.store import Clock, FeatureStore
from serving.refusal import FieldProblem, Refused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Name = tuple[str, str, int]  # of a value: its view, its entity, and the tick as of which it is asked for
Inputs = dict[str, Any]
NO_INPUTS = {view.name: dict.fromkeys(view.columns) for view in VIEWS}
ALL_FOUND = ("found",) * len(VIEWS)
YOUNGEST = min(view.max_age_minutes for view in VIEWS)  # no older value is expired in any view
TEMPLATES = [(view.name, entity_name(tuple(f"{{{name}}}" for name in view.entity))) for view in VIEWS]
NAMES_OF = itemgetter(*dict.fromkeys(name for view in VIEWS for name in view.entity))


@dataclass
class Known:
    """What was read of a store since it last changed."""

    clock: Clock | None = None
    values: dict[Name, Inputs | None] = field(default_factory=dict)


class Found(NamedTuple):
    """The inputs of one flight, and the state of each view; `request_id` names the flight, the tick and the age."""

    key: str
    request_id: str
    tick: int
    age_minutes: int  # from the tick to the one that was wanted
    inputs: Inputs
    states: tuple[str, ...]  # of each view
    arrivals: list[Event]  # that are known of the flight

    @property
    def views(self) -> dict[str, ViewState]:
        """What became of each view, by its name."""
        return view_states(self.states, self.age_minutes)


class Asked(NamedTuple):
    """A flight, the tick that is wanted, the one that there is, what is known of it, and its place in the request."""

    key: str
    wanted: int
    tick: int
    place: str
    planned: Event
    arrivals: list[Event]


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
    events = store.events_of((VIEWS[0].name, OUTCOME_KIND), keys)
    latest, asked = minute(now), []
    for key, place in zip(keys, places, strict=True):
        planned, arrivals = events[VIEWS[0].name].get(key), events[OUTCOME_KIND].get(key, [])
        if planned is None:
            raise unknown_key(place)
        due = planned[-1].happened - 60 * PREDICTION_LEAD_HOURS
        wanted = min(due, latest) // TICK_MINUTES * TICK_MINUTES
        asked.append(Asked(key, wanted, min(wanted, known.clock.published_until), place, planned[-1], arrivals))
    return as_of(store, asked, known.values)


def as_of(store: FeatureStore, asked: Sequence[Asked], values: dict[Name, Inputs | None]) -> list[Found]:
    """The inputs of flights at their ticks.

    One statement reads all views, for the entities that the timetable's newest event names; if the timetable at the
    tick names others, those are read.

    Raises
    ------
    Refused
        The timetable of a flight is not in its tick, or too old.
    """
    rows = [from_json(each.planned.content) for each in asked]
    names = [value_names(each, row) for each, row in zip(asked, rows, strict=True)]
    read(store, names, values)
    others = False
    for place, each in enumerate(asked):
        planned = values[names[place][0]]
        if planned is None or each.wanted - each.tick > VIEWS[0].max_age_minutes:
            raise not_ready(each.place, each.tick)
        row = {**planned, KEY: each.key}
        if NAMES_OF(row) != NAMES_OF(rows[place]):
            names[place], others = value_names(each, row), True
    if others:
        read(store, names, values)
    return [completed(each, [values[name] for name in some]) for each, some in zip(asked, names, strict=True)]


def value_names(of: Asked, row: Inputs) -> list[Name]:
    """The name of each view's values, for a flight with these columns."""
    return [(name, template.format_map(row), of.tick) for name, template in TEMPLATES]


def read(store: FeatureStore, names: Sequence[Sequence[Name]], values: dict[Name, Inputs | None]) -> None:
    """Add the values that are not there yet."""
    new = list({name: None for some in names for name in some if name not in values})
    if new:
        for name, content in zip(new, store.values_of(new), strict=True):
            columns = NO_INPUTS[name[0]]
            values[name] = None if content is None else dict(zip(columns, from_json(content), strict=True))


def completed(of: Asked, found: Sequence[Inputs | None]) -> Found:
    """The inputs of one flight; of a view that is missing or too old they are missing."""
    age = of.wanted - of.tick
    states, row = ALL_FOUND, {}
    if age > YOUNGEST or None in found:
        usable = [values is not None and age <= view.max_age_minutes for view, values in zip(VIEWS, found, strict=True)]
        states = tuple(
            "found" if good else "missing" if values is None else "expired"
            for good, values in zip(usable, found, strict=True)
        )
        found = [
            values if good else NO_INPUTS[view.name] for view, good, values in zip(VIEWS, usable, found, strict=True)
        ]
    for values in found:
        row.update(values or {})
    name = f"{of.key}:{tick_text(of.tick)[1]}" + (f"-{age}" if age > 0 else "")
    return Found(of.key, name, of.tick, age, row, states, of.arrivals)


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
