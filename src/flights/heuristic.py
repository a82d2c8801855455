"""The heuristic as data without code: the rate of each cell, to answer where no model can."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.artifacts import sha256
from flights.columns import Columns
from flights.feature_set import build_features, heuristic_cells
from flights.registry import Model

FILE = "heuristic.json"
VERSION = 0  # what its answers name in place of a model's version


def export(fitted: Any, threshold: float, folder: Path) -> None:
    """Write the fitted heuristic's rate of each cell, and that of every other cell."""
    content = {"threshold": threshold, "prior": fitted.prior_, "rates": fitted.rates_}
    (folder / FILE).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def load(folder: Path) -> Model:
    """Read the heuristic of a model folder; who asks for it verifies the file."""
    content = json.loads((folder / FILE).read_text())
    rates, prior = content["rates"], content["prior"]

    def score(columns: Columns) -> NDArray[np.float64]:
        return np.array([rates.get(cell, prior) for cell in heuristic_cells(build_features(columns))])

    return Model(VERSION, sha256(folder / FILE), folder, content["threshold"], {}, score, "heuristic")
