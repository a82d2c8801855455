"""The example's events, from the source's tables: what `POST /events` would have received in 2013."""

import pandas as pd

from flights.extras.feature_views import events
from pipelines.collection.timetable import with_instants


def event_tables(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The events of each kind, in the order in which they became known."""
    flights = with_instants(tables["flights"], tables["airports"])
    return events.event_tables(flights, tables["weather"], tables["planes"])
