"""The heuristic as data without code: the rate of each group in each hour, to answer where no model can."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.artifacts import sha256
from flights.columns import Columns
from flights.feature_set import build_features
from flights.features import HEURISTIC
from flights.registry import Model

FILE = "heuristic.json"
VERSION = 0  # what its answers name in place of a model's version
HOURS = 24
UNKNOWN, MISSING = "\0unknown", "\0missing"  # no group's name
GROUP, MINUTE = HEURISTIC


def export(pipeline: Any, threshold: float, folder: Path) -> None:
    """Write what the fitted heuristic says of every group that it knows, and of any other, in every hour."""
    import pandas as pd

    one_hot = pipeline.named_steps["encode"].named_transformers_["group"]
    groups = [*one_hot.categories_[0], UNKNOWN]
    frame = pd.DataFrame({GROUP: pd.Series(np.repeat(np.array(groups, dtype=object), HOURS), dtype=object)})
    frame[MINUTE] = np.tile(60.0 * np.arange(HOURS), len(groups))
    rates = pipeline.predict_proba(frame)[:, 1].reshape(-1, HOURS)
    names = [group if isinstance(group, str) else MISSING for group in groups]
    by_group = {name: row.tolist() for name, row in zip(names, rates, strict=True)}
    content = {"threshold": threshold, "unknown": by_group.pop(UNKNOWN), "rates": by_group}
    (folder / FILE).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def load(folder: Path) -> Model:
    """Read the heuristic of a model folder; who asks for it verifies the file."""
    content = json.loads((folder / FILE).read_text())
    rates, unknown = content["rates"], content["unknown"]

    def score(columns: Columns) -> NDArray[np.float64]:
        features = build_features(columns)
        hours = (features[MINUTE] // 60).astype(int).tolist()
        groups = [MISSING if group is None else group for group in features[GROUP].tolist()]
        return np.array([rates.get(group, unknown)[hour] for group, hour in zip(groups, hours, strict=True)])

    return Model(VERSION, sha256(folder / FILE), folder, content["threshold"], {}, score, "heuristic")
