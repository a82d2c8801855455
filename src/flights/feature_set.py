"""The one function that makes features, used by training and by serving, and the checks on what is declared."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from flights import features
from flights.columns import Columns, DeclarationError, Numbers
from flights.contract import PERSONAL
from flights.dataset import INPUTS


class Step(NamedTuple):
    """How one feature is made: its function (none for an input passed through) and the columns that it reads."""

    name: str
    function: Callable[..., Numbers] | None
    parameters: tuple[str, ...]


def build_features(columns: Columns) -> Columns:
    """Every feature of some rows, in the order of `FEATURES`: objects for categories, else float64."""
    return {
        name: columns[name] if function is None else function(*(columns[parameter] for parameter in parameters))
        for name, function, parameters in plan()
    }


def heuristic_cells(values: Mapping[str, Any]) -> list[str]:
    """Each row's cell of `HEURISTIC` as JSON: texts, and numbers by band; the outer bands take what is beyond."""
    bands = features.HEURISTIC_BANDS
    levels = [
        np.searchsorted(bands[name][1:-1], values[name], "right").tolist()
        if name in bands
        else [value if isinstance(value, str) else None for value in values[name]]
        for name in features.HEURISTIC
    ]
    return [json.dumps(cell) for cell in zip(*levels, strict=True)]


@cache
def plan() -> tuple[Step, ...]:
    """How each feature is made, in the order of `FEATURES`."""
    steps = tuple(
        Step(feature, None, (feature,))
        if isinstance(feature, str)
        else Step(feature.__name__, feature, tuple(signature(feature).parameters))
        for feature in features.FEATURES
    )
    for step in steps:
        _check_step(step)
    names = {step.name for step in steps}
    declared = (*features.CATEGORIES, *features.HEURISTIC, *features.MONOTONIC_CONSTRAINTS)
    if missing := [name for name in declared if name not in names]:
        raise DeclarationError(
            f"CATEGORIES, HEURISTIC or MONOTONIC_CONSTRAINTS name {', '.join(missing)}: list it in FEATURES"
        )
    if bare := [name for name in features.HEURISTIC if name not in (*features.CATEGORIES, *features.HEURISTIC_BANDS)]:
        raise DeclarationError(f"HEURISTIC names {', '.join(bare)}: declare the bands of a number in HEURISTIC_BANDS")
    return steps


def _check_step(step: Step) -> None:
    kinds = {column.name: column.kind for column in INPUTS}
    if missing := [parameter for parameter in step.parameters if parameter not in kinds]:
        raise DeclarationError(f"feature {step.name} reads {', '.join(missing)}: declare it in dataset.INPUTS")
    if persons := [parameter for parameter in step.parameters if parameter in PERSONAL]:
        raise DeclarationError(f"feature {step.name}: {', '.join(persons)} identifies someone, and is never a feature")
    kind = kinds.get(step.name)
    passed_text = step.function is None and (kind == "text") != (step.name in features.CATEGORIES)
    if passed_text or kind == "time":
        raise DeclarationError(
            f"feature {step.name}: list a text in CATEGORIES, and nothing else; make a number of a time"
        )
