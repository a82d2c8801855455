"""Whether a probability means what it says: the reliability curve, Brier's parts, and recalibration on validation.

Recalibration is Platt's: one slope and one shift of the log-odds, which keeps the ranking and can be exported. It is
kept where it helps on days of validation that it was not fitted on; evaluation records whether it then helped on the
holdout.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.evaluation import metrics
from flights.ranking import CALIBRATION_BINS, RankedPredictions, Vector, rank
from flights.resampling import Interval, margin, resampled_metrics

FOLDS = 5  # of validation's days
ASKED = ("brier", "calibration_error")
Recalibrate = Callable[[Vector], Vector]  # from log-odds to probabilities


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


def record(odds: Vector, truth: Vector, days: NDArray[Any], seed: int) -> dict[str, Any]:
    """What each way of recalibration gains on days of validation that it was not fitted on.

    Platt's is kept if the Brier score improves by more than chance. Its slope and shift are of all days.
    """
    before, ways = expit(odds), {"platt": platt, "isotonic": isotonic}
    tried = {name: gains(truth, before, cross_fitted(fit, odds, truth, days), days, seed) for name, fit in ways.items()}
    slope, shift = platt_terms(odds, truth)
    return {
        "gains": {name: {metric: asdict(gain) for metric, gain in each.items()} for name, each in tried.items()},
        "kept": tried["platt"]["brier"].low > 0,
        "slope": slope,
        "shift": shift,
    }


def gains(truth: Vector, before: Vector, after: Vector, days: NDArray[Any], seed: int) -> dict[str, Interval]:
    """By how much one set of probabilities is better than another, with intervals by day."""
    sides = [rank(truth, probabilities) for probabilities in (after, before)]
    values = [metrics(side, ASKED) for side in sides]
    drawn = [resampled_metrics(side, days, seed, names=ASKED) for side in sides]
    return {name: margin(name, values[0][name], values[1][name], drawn[0][name], drawn[1][name]) for name in ASKED}


def cross_fitted(
    fit: Callable[[Vector, Vector], Recalibrate], odds: Vector, truth: Vector, days: NDArray[Any]
) -> Vector:
    """Recalibrated probabilities, each from a fit that saw no flight of its day."""
    after = np.empty(len(odds))
    for known, asked in folds(days):
        after[asked] = fit(odds[known], truth[known])(odds[asked])
    return after


def folds(days: NDArray[Any]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Whole days, dealt out in turn."""
    _, day = np.unique(days, return_inverse=True)
    for fold in range(FOLDS):
        yield np.flatnonzero(day % FOLDS != fold), np.flatnonzero(day % FOLDS == fold)


def platt(odds: Vector, truth: Vector) -> Recalibrate:
    """A slope and a shift of the log-odds."""
    slope, shift = platt_terms(odds, truth)
    return lambda asked: expit(slope * asked + shift)


def platt_terms(odds: Vector, truth: Vector) -> tuple[float, float]:
    """The slope and the shift that make these log-odds most likely."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=np.inf).fit(odds[:, None], truth)
    return float(fitted.coef_.item()), float(fitted.intercept_.item())


def isotonic(odds: Vector, truth: Vector) -> Recalibrate:
    """Steps that rise where the late rate does. Tried, never kept: it makes flights equal that the model ranks."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(out_of_bounds="clip").fit(odds, truth)
    return lambda asked: np.asarray(fitted.predict(asked))


def recalibrated(pipeline: Any, features: Any, truth: Vector) -> Any:
    """The fitted model with Platt's slope and shift after it."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    return CalibratedClassifierCV(FrozenEstimator(pipeline), method="sigmoid").fit(features, truth)


def without(model: Any) -> Any:
    """The model as it was before it was recalibrated, if it was."""
    return model.estimator.estimator if hasattr(model, "calibrated_classifiers_") else model


def logit(probabilities: Vector) -> Vector:
    """Log-odds of probabilities."""
    inside = np.clip(probabilities, 1e-15, 1 - 1e-15)
    return np.asarray(np.log(inside / (1 - inside)))


def expit(odds: Vector) -> Vector:
    """Probabilities of log-odds."""
    return 1 / (1 + np.exp(-odds))
