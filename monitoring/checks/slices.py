"""Whether one slice is predicted worse than the others: bias by slice, two weeks at a time.

A storm or a new season moves all slices together, so each one's bias is compared with that of the others. How far a
slice differs from them on its own is measured on the reference.
"""

import pandas as pd

from flights.dataset import INPUTS
from monitoring.check import Check
from monitoring.view import View

DAYS = 14  # as for the whole
SLICED = tuple(column.name for column in INPUTS if column.categories)
MIN_ROWS = 400  # of a slice in two weeks; with fewer its bias is noise
MAX_OUTLIER = 1.5  # times the most that any slice of the reference differed from the rest; 1.1 on clean days
MIN_DIFFERENCE = 0.03  # of bias, for a slice that never differed


def checks(view: View) -> list[Check]:
    """The slice whose bias differs most from the others'."""
    rows = view.rows.join(view.inputs[list(SLICED)])
    return [slice_outlier(view.model.reference, rows[rows["past_watermark"] & (rows["state"] == "labelled")])]


def slice_outlier(reference: pd.DataFrame, rows: pd.DataFrame) -> Check:
    """How far the bias of the worst slice is from the others'; both frames have `day`, `target` and inputs."""
    usual, now = bias_differences(reference), bias_differences(rows)
    most = (usual - usual.median()).abs().max() + MIN_DIFFERENCE
    outlier = ((now - usual.median()).abs() / most).max(axis=1)
    return Check("slice outlier", "slice", "times the usual", outlier, high=MAX_OUTLIER)


def bias_differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Each slice's bias less that of all rows, over the two weeks that end on each day; one column a slice."""
    error = (rows["probability"] - rows["target"]).rename("error")
    total = _two_weeks(error.groupby(rows["day"]).agg(["sum", "size"]))
    found = {}
    for name in SLICED:
        for value, part in error.groupby(rows[name]):
            sums = _two_weeks(part.groupby(rows["day"]).agg(["sum", "size"])).reindex(total.index)
            bias = (sums["sum"] / sums["size"]).where(sums["size"] >= MIN_ROWS)
            found[f"{name} {value}"] = bias - total["sum"] / total["size"]
    return pd.DataFrame(found, index=total.index)


def _two_weeks(daily: pd.DataFrame) -> pd.DataFrame:
    return daily.rolling(f"{DAYS}D").sum()
