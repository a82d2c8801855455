"""Predictions by key: `POST /events` takes what happened, and `POST /predict/by-key` looks the inputs up.

Off by default. The inputs come from the feature store, whose ticks `make materialize` publishes.
"""

from pydantic import Field

from flights.config import EnvironmentSettings
from serving.service import Service


class Settings(EnvironmentSettings):
    """Whether there are such routes."""

    predict_by_key: bool = Field(False, description="Take events, and look the inputs of a flight up by its key.")


def plug_in(service: Service) -> None:
    """Add the routes if they are asked for."""
    if Settings.read().predict_by_key:
        from serving.extras.by_key.routes import add_routes  # noqa: PLC0415 - it reads the example's declarations

        add_routes(service)
