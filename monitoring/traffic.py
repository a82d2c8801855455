"""Past flights as live traffic: the period, what happens in it, and the bodies that are sent."""

from typing import Any

import pandas as pd

from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOME, OUTCOME_TIME, ROWS, ZONE
from flights.plugins import hooks
from monitoring.outcomes import LEAD

Bodies = list[dict[str, Any]]
Traffic = tuple[pd.DataFrame, pd.DataFrame]  # rows by prediction moment, outcomes by the moment they are known


def period(live: pd.DataFrame, first: str, last: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end of the local months or days from `first` to `last`; empty means as far as `live` goes."""
    days = live[EVENT_TIME].dt.tz_convert(ZONE).dt.strftime("%F")
    start = pd.Period(first or days.min()).start_time.tz_localize(ZONE)
    end = (pd.Period(last or days.max()) + 1).start_time.tz_localize(ZONE)
    if not ((live[EVENT_TIME] >= start) & (live[EVENT_TIME] < end)).any():
        raise ValueError(f"no live {ROWS} from {start:%F} until {end:%F}: they run from {days.min()} to {days.max()}")
    return start.tz_convert("UTC"), end.tz_convert("UTC")


def traffic(live: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> Traffic:
    """What happens in a period: rows in the order of their prediction moments, outcomes as they become known."""
    chosen = live[(live[EVENT_TIME] >= start) & (live[EVENT_TIME] < end)]
    rows = chosen[[KEY, *(column.name for column in INPUTS)]].assign(moment=chosen[EVENT_TIME] - LEAD)
    known = live[(live[OUTCOME_TIME] > start - LEAD) & (live[OUTCOME_TIME] <= end)]  # never the cancelled
    outcomes = known[[KEY, OUTCOME, OUTCOME_TIME]]
    return (
        rows.sort_values(["moment", KEY], ignore_index=True),
        outcomes.sort_values([OUTCOME_TIME, KEY], ignore_index=True),
    )


def with_drill(clean: Traffic, drill: str, days: int, seed: int) -> Traffic:
    """The traffic of some days with the failure of a drill, which an extra plants; without a drill, as it is."""
    if not drill:
        return clean
    for plant in hooks("extras", "with_drill"):
        planted: Traffic = plant(clean, drill, days, seed)
        return planted
    raise SystemExit(f"DRILL={drill}: there are no drills, because extras/drills was removed; leave DRILL out")


def request_bodies(rows: pd.DataFrame) -> Bodies:
    """Rows as request bodies: missing is null, times are ISO 8601 in UTC, the request ID is the row's key."""
    renamed = rows.drop(columns="moment").rename(columns={KEY: "request_id"})
    times = [column.name for column in INPUTS if column.kind == "time"]
    return _as_json(renamed.assign(**{name: renamed[name].dt.strftime("%FT%TZ") for name in times}))


def outcome_bodies(outcomes: pd.DataFrame) -> Bodies:
    """Outcomes as the server accepts them."""
    rows = outcomes.rename(columns={KEY: "request_id", OUTCOME_TIME: "known_at"})
    return _as_json(rows.assign(known_at=rows["known_at"].dt.strftime("%FT%TZ")))


def _as_json(rows: pd.DataFrame) -> Bodies:
    objects = rows.astype(object).where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in objects.to_dict("records")]
