"""Tables of events, one for each kind, and the same in minutes, as `Known` reads them."""

import json
from typing import TYPE_CHECKING, Any

from flights.extras.feature_store.kinds import CLOCKS, KINDS, Kind
from flights.extras.feature_store.tables import Event

if TYPE_CHECKING:
    import pandas as pd

MINUTE_NS = 60_000_000_000


def event_columns(kind: Kind) -> list[str]:
    """Columns of a kind's table."""
    return [column.name for column in (*CLOCKS, *kind.columns)]


def in_minutes(events: "pd.DataFrame") -> "pd.DataFrame":
    """Events with their clocks in minutes since 1970; what became known within a minute counts from its end.

    `counted_at` is `known_at`, unless the store says that the event came too late for that.
    """
    happened, known = minutes(events["event_time"], "floor"), minutes(events["known_at"], "ceil")
    counted = events.get("counted_at", known)
    return events.drop(columns="event_time").assign(happened=happened, known_at=known, counted_at=counted)


def minutes(moments: "pd.Series[Any]", rounded: str) -> "pd.Series[int]":
    """Minutes since 1970, rounded by `floor` or `ceil`."""
    whole: pd.Series[int] = (
        getattr(moments.dt, rounded)("min").astype("datetime64[ns, UTC]").astype("int64") // MINUTE_NS
    )
    return whole


def events_by_kind(events: list[Event]) -> "dict[str, pd.DataFrame]":
    """Stored events as the tables that `Known` reads."""
    return {kind.name: kind_table(kind, [event for event in events if event.kind == kind.name]) for kind in KINDS}


def kind_table(kind: Kind, events: list[Event]) -> "pd.DataFrame":
    """Stored events of one kind, in minutes."""
    import numpy as np
    import pandas as pd

    table = pd.DataFrame([json.loads(event.content) for event in events], columns=[each.name for each in kind.columns])
    for column in kind.columns:
        if column.kind == "number":
            table[column.name] = table[column.name].astype(np.float64)
    for clock in CLOCKS:
        moments = [getattr(event, clock.name) for event in events]
        table[clock.name] = pd.to_datetime(pd.Series(moments, dtype=object), utc=True, format="ISO8601")
    counted = pd.Series([event.counted_at for event in events], dtype=np.int64)
    return in_minutes(table[event_columns(kind)].assign(counted_at=counted))
