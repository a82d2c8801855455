"""What the board shows of one flight: its inputs against their usual range, the age of each view, and the outcome.

The contributions of `make explain` need the trees' sample counts and the training libraries, which the service has
not: the board names the command instead.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from flights.artifacts import read_json
from flights.dataset import INPUTS, OUTCOME
from flights.extras.feature_store.tables import Event
from flights.extras.feature_views.views import VIEWS
from flights.files import GOLDEN_FILE
from flights.predictions import Prediction
from flights.registry import Model
from serving.extras.by_key import readers
from serving.extras.by_key.lookup import Found, tick_text

VIEW_OF = {name: view.name for view in VIEWS for name in view.columns}
TAIL = 0.05  # share of the values on each side that are not usual

Ranges = dict[str, tuple[float, float]]


def details(model: Model | None, asked: Prediction | None, stored: readers.Details) -> dict[str, Any]:
    """All of one flight, as the page shows it."""
    ranges = usual_ranges(model.folder, model.digest) if model else {}
    values = json.loads(asked.inputs) if asked else stored.found.inputs if stored.found else {}
    return {
        "prediction": asked and prediction(asked),
        "tick": tick_text(stored.found.tick)[0] if stored.found else None,
        "views": views(stored.found),
        "inputs": [shown(column, values[column.name], ranges) for column in INPUTS if is_shown(column, values)],
        "outcome": outcome(stored.outcome),
    }


def prediction(asked: Prediction) -> dict[str, Any]:
    """The logged prediction."""
    names = ("request_id", "probability", "threshold", "model_version", "served_by")
    return {name: getattr(asked, name) for name in names} | {"alert": bool(asked.alert)}


def views(found: Found | None) -> list[dict[str, Any]]:
    """State and age of each view."""
    return [] if found is None else [{"name": name} | state.model_dump() for name, state in found.views.items()]


def is_shown(column: Any, values: dict[str, Any]) -> bool:
    """Whether an input is shown: what is personal is not."""
    return column.name in values and not column.personal


def shown(column: Any, value: Any, ranges: Ranges) -> dict[str, Any]:
    """One input, with the range that most flights are in."""
    low, high = ranges.get(column.name, (None, None))
    unusual = isinstance(value, int | float) and low is not None and high is not None and not low <= value <= high
    about = {"name": column.name, "meaning": column.description, "unit": column.unit}
    return about | {"view": VIEW_OF[column.name], "value": value, "low": low, "high": high, "unusual": unusual}


def outcome(arrived: Event | None) -> dict[str, Any] | None:
    """What became known after the event."""
    return arrived and {"value": json.loads(arrived.content)[OUTCOME], "known_at": f"{arrived.known_at[:16]}Z"}


@lru_cache(2)
def usual_ranges(folder: Path, digest: str) -> Ranges:
    """The middle nine tenths of each number, over the model's golden predictions; none if they cannot be read."""
    try:
        rows = read_json(folder / GOLDEN_FILE, "run `make train`")["inputs"]
    except (OSError, ValueError):
        return {}
    names = [column.name for column in INPUTS if column.kind == "number"]
    values = {name: sorted(row[name] for row in rows if row[name] is not None) for name in names}
    ends = {name: int(TAIL * len(found)) for name, found in values.items() if found}
    return {name: (values[name][end], values[name][-1 - end]) for name, end in ends.items()}
