"""Whether the serving model is older than the retraining cadence allows."""

from pathlib import Path

import pandas as pd

from flights.artifacts import read_json
from flights.config import CADENCE_DAYS
from flights.files import CADENCE_FILE
from monitoring.check import Check
from monitoring.view import View


def checks(view: View) -> list[Check]:
    """Age of the serving model on each day."""
    days = pd.DatetimeIndex(sorted(view.rows["day"].unique()))
    age = pd.Series((days - pd.Timestamp(view.model.manifest["as_of"])).days, days, dtype=float)
    limit = max_age_days(view.settings.reports_dir)
    return [Check("age of the model", "age", "days", age, high=limit, needed=1, of=1)]


def max_age_days(reports_dir: Path) -> int:
    """How old the backtest lets a model grow; without a backtest, the configured cadence."""
    path = reports_dir / CADENCE_FILE
    return int(read_json(path, "run `make backtest`")["greatest_age_days"]) if path.is_file() else CADENCE_DAYS
