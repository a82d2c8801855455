"""The inputs of a flight from the feature store, as of the last published tick at or before its moment.

The moment is when the prediction is due, or now if that is earlier. What is older than its view's maximum age is
missing. All values were written once and never change, so what is found needs no lock.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flights.dataset import KEY, PREDICTION_LEAD_HOURS
from flights.extras.feature_store.tables import entity_name
from flights.extras.feature_views.views import TICK_MINUTES, VIEWS
from serving.extras.by_key.bodies import ViewState
from serving.extras.by_key.store import FeatureStore
from serving.refusal import FieldProblem, Refused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REQUEST_ID = re.compile(r"(.+):(\d{8}T\d{4}Z)(?:-(\d+))?")


class Found(NamedTuple):
    """The inputs of one flight, and the state of each view; `request_id` names the flight, the tick and the age."""

    key: str
    request_id: str
    tick: datetime
    inputs: dict[str, Any]
    views: dict[str, ViewState]


def find(store: FeatureStore, key: str, now: datetime, place: str) -> Found:
    """Look one flight up.

    Raises
    ------
    Refused
        The flight is not in the timetable, or its timetable is not in a published tick.
    """
    versions = store.versions("timetable", key)
    if not versions:
        expected = "the key of a flight whose timetable event was posted to /events"
        raise Refused(
            404, "Unknown key", "No timetable event has this key.", [FieldProblem(field=place, expected=expected)]
        )
    due = datetime.fromisoformat(versions[-1].event_time) - timedelta(hours=PREDICTION_LEAD_HOURS)
    wanted = minute(min(due, now)) // TICK_MINUTES * TICK_MINUTES
    return as_of(store, key, wanted, min(wanted, store.clock().published_until), place)


def as_of(store: FeatureStore, key: str, wanted: int, tick: int, place: str) -> Found:
    """The inputs of a flight at a tick, of which the wanted one may be a later one.

    Raises
    ------
    Refused
        The flight's timetable is not in the tick, or too old.
    """
    inputs: dict[str, Any] = {KEY: key}
    states: dict[str, ViewState] = {}
    for view in VIEWS:
        content = store.value(view.name, entity_name(tuple(inputs[name] for name in view.entity)), tick)
        expired = wanted - tick > view.max_age_minutes
        if view is VIEWS[0] and (content is None or expired):
            raise not_ready(place, tick)
        usable = content is not None and not expired
        values = json.loads(content) if usable and content else [None] * len(view.columns)
        inputs |= dict(zip(view.columns, values, strict=True))
        state = "missing" if content is None else "expired" if expired else "found"
        states[view.name] = ViewState(state=state, age_minutes=None if content is None else wanted - tick)
    moment = EPOCH + timedelta(minutes=tick)
    name = f"{key}:{moment:%Y%m%dT%H%MZ}" + (f"-{wanted - tick}" if wanted > tick else "")
    del inputs[KEY]
    return Found(key, name, moment, inputs, states)


def parsed_request_id(request_id: str) -> tuple[str, int, int] | None:
    """Key, tick and age of a prediction by key; None for another prediction."""
    found = REQUEST_ID.fullmatch(request_id)
    if found is None:
        return None
    tick = datetime.strptime(found[2], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    return found[1], minute(tick), int(found[3] or 0)


def minute(moment: datetime) -> int:
    """Whole minutes since 1970 until a moment."""
    return int((moment - EPOCH).total_seconds() // 60)


def not_ready(place: str, tick: int) -> Refused:
    """Refuse a flight that no published tick has, or only one that is too old."""
    published = f"{EPOCH + timedelta(minutes=tick):%Y-%m-%dT%H:%MZ}" if tick else "never"
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
