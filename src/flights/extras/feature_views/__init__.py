"""The example's feature views: what was known at a tick, as `collect` and the feature store compute it.

`collect` finds them as a plug-in. Delete them together with `pipelines/collect.py`'s example and the feature store.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from flights.columns import Columns


def conditions(rows: "pd.DataFrame", tables: Mapping[str, "pd.DataFrame"]) -> "Columns":
    """The views' columns of all departures, each as of the last tick at or before its prediction moment."""
    from flights.dataset import EVENT_TIME, KEY
    from flights.extras.feature_views.events import event_tables, inputs_of

    events = event_tables(rows, tables["weather"], tables["planes"])
    return inputs_of(events, rows[KEY], rows[EVENT_TIME])


def condition_settings() -> dict[str, int]:
    """What the columns depend on, beyond the rows."""
    from flights.extras.feature_views import views

    return {
        "tick_minutes": views.TICK_MINUTES,
        "overdue_minutes": views.OVERDUE_MINUTES,
        "weather_age_hours": views.WEATHER_AGE_HOURS,
        "pressure_change_hours": views.PRESSURE_CHANGE_HOURS,
        "previous_leg_hours": views.PREVIOUS_LEG_HOURS,
    }
