"""Whether what was served is what the model says: scoring logged inputs again must give the same probability."""

from pathlib import Path

import numpy as np
import pandas as pd

from flights.dataset import as_arrays
from flights.registry import ModelRefused, load
from monitoring.watch import Watch

TOLERANCE = 1e-9  # the same as between training and serving
HEURISTIC = 0  # the version that answers without a champion; it has no folder to load


def skew_watch(rows: pd.DataFrame, inputs: pd.DataFrame, models_dir: Path) -> Watch:
    """Number of a day's predictions that differ when made again; a model that does not verify counts for all of its."""
    differs = pd.Series(0.0, rows.index)
    for version, served in rows[rows["model_version"] != HEURISTIC].groupby("model_version"):
        differs[served.index] = _mismatches(served, inputs.loc[served.index], models_dir, int(str(version)))
    return Watch("skew", "skew", "predictions", differs.groupby(rows["day"]).sum(), high=0, needed=1, of=1)


def _mismatches(served: pd.DataFrame, inputs: pd.DataFrame, models_dir: Path, version: int) -> "pd.Series[float]":
    try:
        model = load(models_dir, version)
    except ModelRefused:
        return pd.Series(1.0, served.index)
    again = model.score(as_arrays(inputs))
    same = (np.abs(again - served["probability"]) <= TOLERANCE) & (served["model_digest"] == model.digest)
    return pd.Series(np.where(same, 0.0, 1.0), served.index)
