"""Stored events as the tables that the feature views read."""

import json

import numpy as np
import pandas as pd

from flights.extras.feature_store.tables import Event
from flights.extras.feature_views.events import event_columns, in_minutes
from flights.extras.feature_views.kinds import CLOCKS, KINDS, Kind


def events_by_kind(events: list[Event]) -> dict[str, pd.DataFrame]:
    """Stored events as the tables that `Known` reads."""
    return {kind.name: kind_table(kind, [event for event in events if event.kind == kind.name]) for kind in KINDS}


def kind_table(kind: Kind, events: list[Event]) -> pd.DataFrame:
    """Stored events of one kind, in minutes."""
    table = pd.DataFrame([json.loads(event.content) for event in events], columns=[each.name for each in kind.columns])
    for column in kind.columns:
        if column.kind == "number":
            table[column.name] = table[column.name].astype(np.float64)
    for clock in CLOCKS:
        moments = [getattr(event, clock.name) for event in events]
        table[clock.name] = pd.to_datetime(pd.Series(moments, dtype=object), utc=True, format="ISO8601")
    counted = pd.Series([event.counted_at for event in events], dtype=np.int64)
    return in_minutes(table[event_columns(kind)].assign(counted_at=counted))
