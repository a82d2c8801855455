"""The reliability curve and the parts of the Brier score, for the model card and its plots."""

import numpy as np

from flights.evaluation import metrics
from flights.ranking import CALIBRATION_BINS, RankedPredictions, Vector


def reliability(rows: RankedPredictions) -> tuple[Vector, Vector, Vector]:
    """Mean prediction, observed rate and number of rows of each calibration bin that has any."""
    size = np.bincount(rows.bins, minlength=CALIBRATION_BINS)
    some = size > 0
    predicted = np.bincount(rows.bins, rows.probabilities, CALIBRATION_BINS)[some] / size[some]
    observed = np.bincount(rows.bins, rows.targets, CALIBRATION_BINS)[some] / size[some]
    return predicted, observed, size[some].astype(np.float64)


def brier_parts(rows: RankedPredictions) -> dict[str, float]:
    """Murphy's parts: Brier = reliability - resolution + uncertainty + what differs within the bins."""
    predicted, observed, size = reliability(rows)
    share, rate = size / size.sum(), float(rows.targets.mean())
    parts = {
        "reliability": float(share @ (predicted - observed) ** 2),
        "resolution": float(share @ (observed - rate) ** 2),
        "uncertainty": rate * (1 - rate),
    }
    explained = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    return parts | {"within_bins": metrics(rows, ["brier"])["brier"] - explained}
