"""Whether the served predictions are the model's: scoring the logged inputs again must give the same probability."""

from pathlib import Path

import numpy as np
import pandas as pd

from flights.contract import as_arrays
from flights.registry import ModelRefused, load
from monitoring.check import Check
from monitoring.view import View

TOLERANCE = 1e-9  # the same as between training and serving
REMEMBERED_FOR = "7D"  # a mismatch counts for so long, unless its version no longer answers
HEURISTIC = 0  # the version that answers without a champion; it has no folder to load


def checks(view: View) -> list[Check]:
    """Predictions of the last days that differ when scored again."""
    return [skew(view.rows.loc[view.inputs.index], view.inputs, view.settings.models_dir)]


def skew(rows: pd.DataFrame, inputs: pd.DataFrame, models_dir: Path) -> Check:
    """Mismatches of the last days, of the versions that still answered on that day.

    One clean day does not end it: if mismatches are few, a day may have none. If a model does not verify, all of its
    predictions count.
    """
    differs = pd.Series(0.0, rows.index)
    for version, served in rows[rows["model_version"] != HEURISTIC].groupby("model_version"):
        differs[served.index] = _mismatches(served, inputs.loc[served.index], models_dir, int(str(version)))
    daily = differs.groupby([rows["day"], rows["model_version"]]).sum().unstack()
    recent = daily.rolling(REMEMBERED_FOR, min_periods=1).sum().where(daily.notna()).sum(axis=1)
    return Check("skew", "skew", "predictions", recent, high=0, needed=1, of=1)


def _mismatches(served: pd.DataFrame, inputs: pd.DataFrame, models_dir: Path, version: int) -> "pd.Series[float]":
    try:
        model = load(models_dir, version)
    except ModelRefused:
        return pd.Series(1.0, served.index)
    again = model.score(as_arrays(inputs))
    same = (np.abs(again - served["probability"]) <= TOLERANCE) & (served["model_digest"] == model.digest)
    return pd.Series(np.where(same, 0.0, 1.0), served.index)
