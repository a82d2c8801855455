def minute_of_day(forecast_for: Times) -> Numbers:
    """Local time of the hour asked about, in minutes since midnight."""
    return (local_minutes(forecast_for) % 1440).astype(np.float64)


def season(forecast_for: Times) -> Numbers:
    """How far the hour is from the middle of winter, in days."""
    day = forecast_for.astype("datetime64[D]").astype(np.int64) % 365.25
    return np.minimum(day, 365.25 - day)


def age(forecast_for: Times, observed_at: Times) -> Numbers:
    """Hours from the last report to the hour asked about."""
    return (forecast_for - observed_at).astype("timedelta64[m]").astype(np.float64) / 60


def spread(temperature: Numbers, dew_point: Numbers) -> Numbers:
    """How far the air is from fog, in degrees Fahrenheit."""
    return temperature - dew_point


CATEGORIES = ("station", "wind_from")
HEURISTIC = ("station", "minute_of_day")
HEURISTIC_BANDS = {"minute_of_day": tuple(range(0, 1441, 120))}
FEATURES: tuple[Feature, ...] = (
    *CATEGORIES,
    minute_of_day,
    season,
    age,
    spread,
    "hazy_hours",
    "visibility",
    "temperature",
    "humidity",
    "wind_speed",
    "pressure",
    "pressure_change",
)
MONOTONIC_CONSTRAINTS: dict[str, int] = {}
