"""Settings: few fields, each described, read from the environment by a process's `main()`.

Library functions take plain values; only entry points build `Settings`.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings

from flights.log_url import file_url, read_url

NAME = "flights"  # the model's name in the registry
# [SWAP] From here to the next such line: what is true of these data.

AS_OF = "2013-11-01"  # [SWAP] the first live day: train on what had happened before, what follows is traffic
HOLDOUT_MONTHS = 2  # [SWAP] looked at once per candidate, by evaluation
VALIDATION_MONTHS = 2  # [SWAP] for the threshold and the calibration
GAP_DAYS = 2  # [SWAP] longer than the latest outcome takes: 32.7 hours after the scheduled departure
WATERMARK_HOURS = 33  # [SWAP] after the event every outcome that ever comes is there
FIRST_MONTH, LAST_MONTH = "2013-04", "2013-12"  # [SWAP] months that the backtest predicts
CADENCE_DAYS = 28  # [SWAP] days between two trainings, until `make backtest` has found a better number
ALERT_BUDGET = 0.10  # [SWAP] share of flights for which somebody has the time to act
MISS_COST = 5.0  # [SWAP] a late flight without an alert, in false alarms
MAX_MICROSECONDS = 10.0  # [SWAP] of CPU time for one row, per feature
MAX_BYTES = 50.0  # [SWAP] of a request that one feature alone needs
TO_BEAT = ("tree", "logistic")  # [SWAP] simpler models that would do if they were as good
MAX_PLAUSIBLE_ROC_AUC = 0.80  # [SWAP] honest models of this problem stay below; above it, look for the leak
MAX_CALIBRATION_ERROR = 0.08  # [SWAP] the season shifts the late rate by more than this within two months
MAX_MISSING_FEED_ERRORS: dict[str, float] = {"weather": 0.06}  # [SWAP] calibration error without a feed
MIN_SLICE_ROC_AUC = 0.60  # [SWAP] no slice is surely below; the weakest of the first champion has 0.68

# [SWAP] To here. What follows holds for any data.


def first_of_month(value: Any) -> Any:
    """The word `month` as the first day of this month: what a job that runs by the clock means."""
    return datetime.now(UTC).date().replace(day=1) if value == "month" else value


def checked_log_url(url: str) -> str:
    """The same URL of a prediction log, if it is one; empty is the default."""
    if url:
        read_url(url)
    return url


class EnvironmentSettings(BaseSettings):
    """Settings read from environment variables; a field's variable is its name in capitals."""

    @classmethod
    def read(cls) -> Self:
        """Read the environment; a malformed value ends the process with one line."""
        try:
            return cls()
        except ValidationError as error:
            raise SystemExit("\n".join(cls._described(dict(each)) for each in error.errors())) from None

    @classmethod
    def _described(cls, error: dict[str, Any]) -> str:
        """One line for one malformed variable; the value of a secret is not repeated."""
        name = str(error["loc"][0])
        shown = error["input"] if cls.model_fields[name].repr else "..."
        return f"{name.upper()}={shown}: {error['msg'].removeprefix('Value error, ')}"


class Settings(EnvironmentSettings):
    """Settings that every process shares; an extra declares its own."""

    data_dir: Path = Field(Path("data"), description="The one folder that holds all state.")
    as_of: Annotated[date, BeforeValidator(first_of_month), Field(gt=date(1970, 12, 31), lt=date(2200, 1, 1))] = Field(
        date.fromisoformat(AS_OF),
        description="Train on what had happened before this day; what follows is live; `month` is this month's first.",
    )
    seed: int = Field(2013, description="Seed of everything random.")
    require_clean_tree: bool = Field(False, description="Block a candidate whose code is not in a commit.")
    git_commit: str = Field("", description="Commit of the code, if git is not available, as in an image.")
    replace_champion: bool = Field(
        False, description="Skip the comparison with the champion if this code cannot load it."
    )
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8000, description="Port that the server listens on.", ge=0, le=65535)
    mlflow_tracking_uri: str = Field("", description="MLflow store; empty is SQLite under DATA_DIR/3_models.")
    predictions_url: Annotated[str, AfterValidator(checked_log_url)] = Field(
        "",
        description="URL of the prediction log, `sqlite:///` or `postgresql://`; empty is DATA_DIR/4_predictions.",
        repr=False,  # it may hold a password
    )
    max_waiting_rows: int = Field(
        4000, description="Flights that may wait for their prediction before more are rejected.", gt=0
    )
    follow_seconds: float = Field(1.0, description="How often the server looks for a new champion.", gt=0)

    @property
    def raw_dir(self) -> Path:
        """Collected and validated rows."""
        return self.data_dir / "1_raw"

    @property
    def splits_dir(self) -> Path:
        """Train, validation, holdout and live, as they divide on `as_of`."""
        return self.data_dir / "2_splits" / str(self.as_of)

    @property
    def models_dir(self) -> Path:
        """Published models, the promotion history and MLflow's store."""
        return self.data_dir / "3_models"

    @property
    def candidate_dir(self) -> Path:
        """What train, evaluate and promote hand on for this `as_of`."""
        return self.models_dir / "candidates" / str(self.as_of)

    @property
    def log_url(self) -> str:
        """URL of the prediction log; `log_url.read_url` reads it."""
        return self.predictions_url or file_url(self.data_dir / "4_predictions" / "predictions.db")

    @property
    def reports_dir(self) -> Path:
        """Reports for people, and the decision for machines."""
        return self.data_dir / "5_reports"
