"""The reliability curve and the parts of the Brier score, for the model card and its plots."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.evaluation import metrics
from flights.ranking import CALIBRATION_BINS, RankedPredictions, Vector
from flights.resampling import CONFIDENCE, day_draws


def reliability(rows: RankedPredictions) -> tuple[Vector, Vector, Vector]:
    """Mean prediction, observed rate and number of rows of each calibration bin that has any."""
    size = np.bincount(rows.bins, minlength=CALIBRATION_BINS)
    some = size > 0
    predicted = np.bincount(rows.bins, rows.probabilities, CALIBRATION_BINS)[some] / size[some]
    observed = np.bincount(rows.bins, rows.targets, CALIBRATION_BINS)[some] / size[some]
    return predicted, observed, size[some].astype(np.float64)


def curve(rows: RankedPredictions, days: NDArray[Any], seed: int) -> dict[str, list[float]]:
    """The reliability curve with its intervals, for the report."""
    predicted, observed, size = reliability(rows)
    low, high = observed_intervals(rows, days, seed)
    columns = {"predicted": predicted, "observed": observed, "rows": size, "low": low, "high": high}
    return {name: values.tolist() for name, values in columns.items()}


def observed_intervals(rows: RankedPredictions, days: NDArray[Any], seed: int) -> tuple[Vector, Vector]:
    """Confidence limits of each bin's observed rate, by resampling days; `days` is in the order before sorting."""
    distinct, day = np.unique(days, return_inverse=True)
    cells, shape = day[rows.order] * CALIBRATION_BINS + rows.bins, (len(distinct), CALIBRATION_BINS)
    size = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    late = np.bincount(cells, rows.targets, shape[0] * shape[1]).reshape(shape)
    some, draws = size.sum(axis=0) > 0, day_draws(days, seed)
    rates = (draws @ late)[:, some] / np.maximum((draws @ size)[:, some], 1)
    low, high = np.quantile(rates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return low, high


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
