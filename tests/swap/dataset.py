QUESTION = "Will this station report a visibility below 10 miles in six hours?"
ROWS = "hours"
POSITIVE = "hazy"
SCOPE = "Three stations around New York, six hours ahead. Not a warning for pilots."
PREDICTION_LEAD_HOURS = 6
CLEAR_MILES = 10  # as far as the instrument sees
EVENT_TIME = "forecast_for"
ZONE = "America/New_York"  # the stations' own clocks
LOCATION = "station"
KEY = "report_id"
OUTCOME = "visibility_then"
OUTCOME_TIME = "reported_at"

measured = partial(feed_column, "station")

INPUTS = inputs(
    Column("station", "text", "Weather station", "timetable", "JFK", categories=("EWR", "JFK", "LGA")),
    Column(
        EVENT_TIME, "time", "The hour that is asked about", "timetable", "2013-12-02T06:00:00Z", "UTC", calendar=True
    ),
    Column(
        "observed_at", "time", "Hour of the last report", "prediction", "2013-12-01T23:00:00Z", "UTC", calendar=True
    ),
    Column("hazy_hours", "integer", "Hours of the last day with less than 10 miles", "prediction", 3, "h", 0, 24),
    Column(
        "wind_from",
        "text",
        "Where the wind comes from",
        "prediction",
        "NW",
        pattern=r"^[NESW]{1,2}$",
        nullable=True,
        feed="station",
    ),
    measured("visibility", "Visibility in the last report", 8.0, "mi", 0, 10),
    measured("temperature", "Air temperature", 41.0, "F", -30, 120),
    measured("dew_point", "Dew point", 37.0, "F", -40, 90),
    measured("humidity", "Relative humidity", 85.0, "%", 0, 100),
    measured("wind_speed", "Wind speed", 6.9, "mph", 0, 150),
    measured("pressure", "Sea-level pressure", 1015.0, "mbar", 900, 1100),
    measured("pressure_change", "Change of the pressure within three hours", -1.2, "mbar", -60, 60),
)

OUTCOMES = (
    Column(OUTCOME, "number", "Visibility in the hour asked about", "outcome", 10.0, "mi", 0, 10, nullable=True),
    Column(OUTCOME_TIME, "time", "When that hour was over", "outcome", "2013-12-02T07:00:00Z", "UTC", nullable=True),
)

ROW_KEY = Column(
    KEY, "text", "Station and hour", "timetable", "JFK-2013-12-02T06", pattern=r"^[A-Z]{3}-\d{4}-\d\d-\d\dT\d\d$"
)


def targets(frame: "pd.DataFrame") -> "NDArray[np.float64]":
    """1.0 where the visibility was below `CLEAR_MILES`, 0.0 where not, NaN where nobody looked."""
    miles = frame[OUTCOME].to_numpy(np.float64)
    return np.where(np.isnan(miles), np.nan, miles < CLEAR_MILES)


def outcome_hours(frame: "pd.DataFrame") -> "pd.Series[float]":
    """A report is there when its hour is over."""
    hours: pd.Series[float] = frame[OUTCOME] * 0 + 1.0
    return hours


FAILURES = ("**It knows what a station saw.** Fog that drifts in from the sea comes without a warning.",)
BANDS = {"visibility": (0, 3, 6, 10)}
