"""Columns, rows and bodies of the declared contract, by what a test needs them for; nothing here knows the example."""

from typing import Any

import numpy as np
import pandas as pd

from flights.columns import Column
from flights.config import WATERMARK_HOURS
from flights.dataset import INPUTS, OUTCOME, OUTCOMES, outcome_hours, targets
from flights.features import CATEGORIES, FEATURES
from tests.patterns import matching

BY_NAME = {column.name: column for column in (*INPUTS, *OUTCOMES)}
NUMBERS = tuple(BY_NAME[each] for each in FEATURES if isinstance(each, str) and each not in CATEGORIES)
NUMBER = NUMBERS[0]  # an input that the model takes as it is
REPORTED = BY_NAME[OUTCOME]


def other(column: Column) -> Any:
    """A valid value that is not the example."""
    if column.categories:
        return next(text for text in column.categories if text != column.example)
    if column.kind == "text":
        random = np.random.default_rng(0)
        return next(text for text in iter(lambda: matching(random, column.pattern), None) if text != column.example)
    return column.minimum if column.example != column.minimum else column.maximum


def unseen() -> dict[str, str]:
    """A valid text for one category that takes any, which no test model is trained on; empty if there is none."""
    free = [BY_NAME[name] for name in CATEGORIES if name in BY_NAME and BY_NAME[name].pattern]
    return {column.name: other(column) for column in free[:1]}


def outcome(request_id: str, **changed: Any) -> dict[str, Any]:
    """The body of one outcome."""
    return {"request_id": request_id, OUTCOME: REPORTED.example, "known_at": "2013-11-01T14:50:00Z"} | changed


def outcome_of(label: int) -> float:
    """An outcome, near the example, that makes a label and is known in time."""
    low, high = REPORTED.minimum, REPORTED.maximum
    tried = np.linspace(-1e6 if low is None else low, 1e6 if high is None else high, 2001)
    rows = pd.DataFrame({column.name: column.example for column in INPUTS}, index=range(len(tried)))
    rows = rows.assign(**{OUTCOME: tried})
    hours = outcome_hours(rows)
    fits = (targets(rows) == label) & (hours > 0) & (hours <= WATERMARK_HOURS)
    return float(min(tried[fits], key=lambda value: abs(value - REPORTED.example)))
