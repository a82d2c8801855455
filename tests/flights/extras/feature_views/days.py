"""Some days of the example's source, as tables and as events."""

import pandas as pd

from flights.extras.feature_views.events import event_tables, in_minutes
from pipelines.collection import timetable

STORM = "month == 7 and day in (8, 9, 10)"  # thunderstorms: many delays and cancellations


def source(days=STORM):
    """The source's tables, of some days."""
    folder = timetable.source_folder()
    tables = {name: pd.read_csv(folder / file) for name, file in timetable.TABLES.items()}
    return tables | {name: tables[name].query(days).reset_index(drop=True) for name in ("flights", "weather")}


def in_minutes_of(events):
    """Events of all kinds in minutes, as the views read them."""
    return {name: in_minutes(table) for name, table in events.items()}


def events_of(days=STORM):
    """The same days as events."""
    tables = source(days)
    flights = timetable.with_instants(tables["flights"], tables["airports"])
    return event_tables(flights, tables["weather"], tables["planes"])
