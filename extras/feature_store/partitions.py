"""The offline table by month: each partition from its own events and those of the look-back before it.

The files of a month are read by their name, so a partition costs the same however many months there are.
"""

from pathlib import Path

import pandas as pd

from flights.artifacts import write_parquet
from flights.dataset import INPUTS, KEY, PREDICTION_LEAD_HOURS
from flights.extras.feature_views.events import PLANNED_AHEAD, inputs_of
from flights.extras.feature_views.kinds import KINDS
from flights.extras.feature_views.views import LOOK_BACK_DAYS

LEAD = pd.Timedelta(hours=PREDICTION_LEAD_HOURS)
LASTING = "lasting"  # the file of a kind whose events count however long ago they happened


def write_events(events: dict[str, pd.DataFrame], folder: Path) -> None:
    """Add the events of each kind to the files of the months in which they happened."""
    for kind in KINDS:
        table = events[kind.name]
        months = LASTING if kind.lasting else table["event_time"].dt.strftime("%Y-%m")
        for month, rows in table.groupby(pd.Series(months, table.index)):
            path = folder / kind.name / f"{month}.parquet"
            earlier = [pd.read_parquet(path)] if path.exists() and not kind.lasting else []
            write_parquet(path, pd.concat([*earlier, rows], ignore_index=True))


def partitions(folder: Path) -> list[pd.Period]:
    """The months that have flights."""
    return [pd.Period(path.stem, "M") for path in sorted((folder / "timetable").glob("*.parquet"))]


def write_partition(month: pd.Period, folder: Path, target: Path, look_back_days: int = LOOK_BACK_DAYS) -> int:
    """Compute and write the rows of a month; returns their number."""
    first, end = (moment.tz_localize("UTC") for moment in (month.start_time, (month + 1).start_time))
    events = read_events(folder, first - LEAD - pd.Timedelta(days=look_back_days), end + PLANNED_AHEAD)
    rows = offline_rows(events, first, end)
    write_parquet(target / f"{month}.parquet", rows)
    return len(rows)


def read_events(folder: Path, first: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """The events of each kind that happened in a period, in the order in which they became known."""
    months = [str(month) for month in pd.period_range(first.tz_convert(None), end.tz_convert(None), freq="M")]
    events = {}
    for kind in KINDS:
        files = [folder / kind.name / f"{month}.parquet" for month in ([LASTING] if kind.lasting else months)]
        table = pd.concat([pd.read_parquet(file) for file in files if file.exists()], ignore_index=True)
        inside = (table["event_time"] >= first) & (table["event_time"] < end)
        events[kind.name] = table if kind.lasting else table[inside].sort_values("known_at", kind="stable")
    return events


def offline_rows(events: dict[str, pd.DataFrame], first: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Key and inputs of the flights of a period; a flight that was planned again is where its last version is."""
    planned = events["timetable"].drop_duplicates(KEY, keep="last")
    planned = planned[(planned["event_time"] >= first) & (planned["event_time"] < end)]
    columns = inputs_of(events, planned[KEY], planned["event_time"])
    rows = pd.DataFrame({name: columns[name] for name in (KEY, *(column.name for column in INPUTS))})
    return rows.sort_values(KEY, ignore_index=True)
