"""The example's events, from the source's tables: what `POST /events` would have received in 2013.

When an entry of the timetable became known, and the assignment of its aircraft, is an assumption: a day before.
"""

import pandas as pd

from flights.extras.feature_store.frames import event_columns
from flights.extras.feature_store.kinds import KINDS
from pipelines.collection.conditions import WEATHER
from pipelines.collection.timetable import with_instants

# [SWAP] From here to the next such line: what is true of these data.

PLANNED_AHEAD = pd.Timedelta(days=1)  # that an entry of the timetable is known before the departure
OBSERVED_AFTER = pd.Timedelta(hours=1)  # an observation is known when its hour is over


def event_tables(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The events of each kind, in the order in which they became known."""
    flights = with_instants(tables["flights"], tables["airports"])
    scheduled = flights["scheduled_departure"]
    departed = scheduled + pd.to_timedelta(flights["departure_delay"], unit="min")
    hour = pd.to_datetime(tables["weather"]["time_hour"])
    weather = tables["weather"].rename(columns=WEATHER).astype(dict.fromkeys(WEATHER.values(), float))
    aircraft = tables["planes"].astype({"seats": float})
    first = scheduled.min() - PLANNED_AHEAD
    events = {
        "timetable": flights.assign(event_time=scheduled, known_at=scheduled - PLANNED_AHEAD),
        "departure": flights.assign(event_time=departed, known_at=departed),
        "arrival": flights.assign(event_time=flights["outcome_known_at"], known_at=flights["outcome_known_at"]),
        "weather": weather.assign(event_time=hour, known_at=hour + OBSERVED_AFTER),
        "aircraft": aircraft.assign(event_time=first, known_at=first),
    }
    return {kind.name: in_order(events[kind.name][event_columns(kind)]) for kind in KINDS}


# [SWAP] To here.


def in_order(events: pd.DataFrame) -> pd.DataFrame:
    """What happened, in the order in which it became known."""
    happened = events.dropna(subset="event_time").astype(
        dict.fromkeys(("event_time", "known_at"), "datetime64[us, UTC]")
    )
    return happened.sort_values("known_at", kind="stable", ignore_index=True)
