"""Events as they come in: whether their clocks are plausible, and the rows that the store keeps."""

import json
from datetime import UTC, datetime, timedelta

from flights.extras.feature_store.tables import Event, entity_name
from flights.extras.feature_views.kinds import BY_NAME
from flights.predictions import timestamp
from serving.extras.by_key.bodies import AnyEvent, Events
from serving.extras.by_key.lookup import minute
from serving.refusal import CONTRACT_VIOLATED, MAX_ERRORS, FieldProblem, Refused

MAX_AHEAD = timedelta(minutes=5)  # of a client's clock before ours


def check_clocks(events: Events, now: datetime) -> None:
    """Refuse what is known before it happened, or is not yet known.

    Raises
    ------
    Refused
        The clocks of an event contradict each other, or ours.
    """
    latest = (now + MAX_AHEAD).replace(tzinfo=None)
    wrong = []
    for place, event in enumerate(events.events):
        if event.known_at > latest:
            wrong.append(FieldProblem(field=f"events[{place}].known_at", expected="a time that is not in the future"))
        elif event.event_time > event.known_at and not BY_NAME[event.kind].ahead:
            wrong.append(FieldProblem(field=f"events[{place}].known_at", expected="a time not before event_time"))
    if events.complete_until is not None and events.complete_until > latest:
        wrong.append(FieldProblem(field="complete_until", expected="a time that is not in the future"))
    if wrong:
        raise Refused(422, "Invalid request", CONTRACT_VIOLATED, wrong[:MAX_ERRORS])


def stored(event: AnyEvent, received_at: str) -> Event:
    """An event as the store keeps it."""
    kind = BY_NAME[event.kind]
    times = {"event_time": timestamp(event.event_time)}
    content = {column.name: getattr(event, column.name) for column in kind.columns}
    happened, known = event.event_time.replace(tzinfo=UTC), event.known_at.replace(tzinfo=UTC)
    return Event(
        kind.name,
        entity_name(tuple(times.get(name) or content[name] for name in kind.entity)),
        timestamp(event.known_at),
        times["event_time"],
        json.dumps(content, separators=(",", ":")),
        minute(happened),
        minute(known + timedelta(minutes=1, microseconds=-1)),  # what became known within a minute counts from its end
        received_at,
    )
