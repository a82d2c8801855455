"""The heuristic as data without code: the late rate of each carrier in each hour, to answer where no model can."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.artifacts import sha256
from flights.dataset import Columns
from flights.features import build_features
from flights.registry import Model

FILE = "heuristic.json"
VERSION = 0  # what its answers name in place of a model's version
HOURS = 24


def export(pipeline: Any, threshold: float, folder: Path) -> None:
    """Write what the fitted heuristic says of every carrier that it knows, and of any other, in every hour."""
    import pandas as pd

    one_hot = pipeline.named_steps["encode"].named_transformers_["carrier"]
    carriers = [str(name) for name in one_hot.categories_[0]]
    cells = [(carrier, 60.0 * hour) for carrier in [*carriers, ""] for hour in range(HOURS)]
    frame = pd.DataFrame(cells, columns=["carrier", "minute_of_day"]).astype({"carrier": object})
    rates = pipeline.predict_proba(frame)[:, 1].reshape(-1, HOURS)
    content = {
        "threshold": threshold,
        "unknown": rates[-1].tolist(),
        "rates": {carrier: row.tolist() for carrier, row in zip(carriers, rates, strict=False)},
    }
    (folder / FILE).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def load(folder: Path) -> Model:
    """Read the heuristic of a model folder; who asks for it verifies the file."""
    content = json.loads((folder / FILE).read_text())
    rates, unknown = content["rates"], content["unknown"]

    def score(columns: Columns) -> NDArray[np.float64]:
        features = build_features(columns)
        hours = (features["minute_of_day"] // 60).astype(int).tolist()
        carriers = features["carrier"].tolist()
        return np.array([rates.get(carrier, unknown)[hour] for carrier, hour in zip(carriers, hours, strict=True)])

    return Model(VERSION, sha256(folder / FILE), folder, content["threshold"], {}, score, "heuristic")
