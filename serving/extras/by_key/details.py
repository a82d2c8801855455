"""What the board shows of one flight: contributions, inputs against their usual range, age of each view, and outcome.

The contributions are those of `make explain`; for a model that has no file for them the board names the command.
"""

import json
from functools import cache, lru_cache
from inspect import getdoc
from pathlib import Path
from typing import Any

from flights.artifacts import read_json
from flights.contract import PERSONAL
from flights.dataset import INPUTS, OUTCOME
from flights.extras.contributions import WrongFile, explained
from flights.extras.feature_store.tables import Event
from flights.extras.feature_views.views import VIEWS
from flights.feature_set import plan
from flights.files import GOLDEN_FILE
from flights.predictions import Prediction
from flights.registry import Model
from serving.extras.by_key import readers
from serving.extras.by_key.lookup import Found, tick_text

VIEW_OF = {name: view.name for view in VIEWS for name in view.columns}
STRONGEST = 10  # contributions, by size
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


def contributions(model: Model | None, asked: Prediction | None) -> dict[str, Any]:
    """The strongest contributions to the logged answer, in log-odds; empty, or a problem, if there are none to show."""
    if model is None or asked is None:
        return {}
    versions = model.folder.parent
    try:
        found = explained(versions, asked.model_version, asked.model_digest, asked.inputs, asked.probability)
    except WrongFile as problem:
        return {"problem": str(problem)}
    except (OSError, ValueError, KeyError, TypeError):
        return {"problem": "the logged inputs or the model's files cannot be read"}
    if found is None:
        return {}
    shares = sorted(found["contributions"].items(), key=lambda item: -abs(item[1]))
    values = found["features"] | dict.fromkeys(PERSONAL)
    strongest = [{"added": added, "value": values[name]} | words(name) for name, added in shares[:STRONGEST]]
    others = [added for _, added in shares[STRONGEST:]]
    total = found["base"] + sum(found["contributions"].values())
    return {"base": found["base"], "strongest": strongest, "others": [len(others), sum(others)], "total": total}


@cache
def words(feature: str) -> dict[str, str]:
    """The name, meaning and unit of a feature: those of its column, or what its function says."""
    for column in INPUTS:
        if column.name == feature:
            return {"name": feature, "meaning": column.description, "unit": column.unit}
    described = next((getdoc(step.function) for step in plan() if step.name == feature and step.function), None)
    return {"name": feature, "meaning": (described or feature).splitlines()[0].rstrip("."), "unit": ""}


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
