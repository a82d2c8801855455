"""The heuristic as data without code: the rate of each group in each band, to answer where no model can."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.artifacts import sha256
from flights.columns import Columns
from flights.feature_set import build_features
from flights.features import HEURISTIC, HEURISTIC_BANDS
from flights.registry import Model

FILE = "heuristic.json"
VERSION = 0  # what its answers name in place of a model's version
UNKNOWN, MISSING = "\0unknown", "\0missing"  # no group's name
GROUP, BANDED = HEURISTIC


def export(pipeline: Any, threshold: float, folder: Path) -> None:
    """Write what the fitted heuristic says of every group that it knows, and of any other, in every band."""
    import pandas as pd

    lower = HEURISTIC_BANDS[BANDED][:-1]
    groups: list[Any] = list(HEURISTIC_BANDS.get(GROUP, ()))[:-1]
    if GROUP not in HEURISTIC_BANDS:
        groups = [*pipeline.named_steps["encode"].named_transformers_[GROUP].categories_[0], UNKNOWN]
    cells = np.repeat(np.array(groups, dtype=float if GROUP in HEURISTIC_BANDS else object), len(lower))
    frame = pd.DataFrame({GROUP: cells, BANDED: np.tile(np.array(lower, dtype=float), len(groups))})
    rates = pipeline.predict_proba(frame)[:, 1].reshape(-1, len(lower))
    by_group = dict(zip(keys(GROUP, np.array(groups, dtype=cells.dtype)), rates.tolist(), strict=True))
    unknown = by_group.pop(UNKNOWN, rates[-1].tolist())  # every number is in a band
    content = {"threshold": threshold, "unknown": unknown, "rates": by_group}
    (folder / FILE).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def keys(name: str, values: NDArray[Any]) -> list[str]:
    """Texts, missing ones under a name of their own, or each number's band; the outer bands take what is beyond."""
    if name not in HEURISTIC_BANDS:
        return [value if isinstance(value, str) else MISSING for value in values.tolist()]
    return [str(band) for band in np.searchsorted(HEURISTIC_BANDS[name][1:-1], values, "right")]


def load(folder: Path) -> Model:
    """Read the heuristic of a model folder; who asks for it verifies the file."""
    content = json.loads((folder / FILE).read_text())
    rates, unknown = content["rates"], content["unknown"]

    def score(columns: Columns) -> NDArray[np.float64]:
        features = build_features(columns)
        groups, bands = (keys(name, features[name]) for name in HEURISTIC)
        return np.array([rates.get(group, unknown)[int(band)] for group, band in zip(groups, bands, strict=True)])

    return Model(VERSION, sha256(folder / FILE), folder, content["threshold"], {}, score, "heuristic")
