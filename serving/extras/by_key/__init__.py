"""Predictions by key: `POST /events` takes what happened, and `POST /predict/by-key` looks the inputs up.

Off by default. The inputs come from the feature store, whose ticks `make materialize` publishes. At `/` is the
departure board; the form with all inputs moves to `/form`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import Field

from flights.config import EnvironmentSettings
from flights.dataset import KEY, ROW_KEY
from serving.service import Service

FOLDER = Path(__file__).parent


class Settings(EnvironmentSettings):
    """Whether there are such routes, and a board."""

    predict_by_key: bool = Field(False, description="Take events, and look the inputs of a flight up by its key.")
    board: bool = Field(True, description="With PREDICT_BY_KEY, a departure board at / instead of the form.")


def plug_in(service: Service) -> None:
    """Add the routes if they are asked for."""
    settings = Settings.read()
    if settings.predict_by_key:
        if ROW_KEY.personal:
            sys.exit(f"PREDICT_BY_KEY=1: the key {KEY} is personal, and the feature store keeps keys in the clear")
        from serving.extras.by_key.routes import add_routes  # noqa: PLC0415 - it reads the example's declarations

        readers = add_routes(service)
        if settings.board:
            from serving.extras.by_key.board import add_board  # noqa: PLC0415

            add_board(service, readers)


def form_presets() -> dict[str, dict[str, Any]]:
    """The inputs of three flights for the form, by name."""
    if not Settings.read().predict_by_key:
        return {}
    presets: dict[str, dict[str, Any]] = json.loads((FOLDER / "presets.json").read_text())
    return presets
