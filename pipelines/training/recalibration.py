"""Platt's recalibration: one slope and one shift of the log-odds, which keeps the ranking and can be exported.

It is kept if it improves the Brier score on days of validation that it was not fitted on.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.evaluation import metrics
from flights.ranking import Vector, rank
from flights.resampling import Interval, margin, resampled_metrics

FOLDS = 5  # of validation's days
COMPARED = ("brier", "calibration_error")


def recalibration_trial(odds: Vector, y_valid: Vector, days: NDArray[Any], seed: int) -> dict[str, Any]:
    """Its gains on held-out days of validation, whether it is kept, and slope and shift fitted on all days."""
    gains = calibration_gains(y_valid, expit(odds), cross_fitted(odds, y_valid, days), days, seed)
    slope, shift = platt_terms(odds, y_valid)
    return {
        "gains": {metric: asdict(gain) for metric, gain in gains.items()},
        "kept": gains["brier"].low > 0,
        "slope": slope,
        "shift": shift,
    }


def log_odds(pipeline: Any, features: Any) -> Vector:
    """Log-odds of a fitted model, which some answer with and others do not."""
    if hasattr(pipeline, "decision_function"):
        return np.asarray(pipeline.decision_function(features))
    return logit(pipeline.predict_proba(features)[:, 1])


def calibration_gains(
    y_true: Vector, before: Vector, after: Vector, days: NDArray[Any], seed: int
) -> dict[str, Interval]:
    """By how much the probabilities `after` are better than those `before`, with intervals by day."""
    ours, theirs = rank(y_true, after), rank(y_true, before)
    values, other_values = metrics(ours, COMPARED), metrics(theirs, COMPARED)
    draws = resampled_metrics(ours, days, seed, names=COMPARED)
    other_draws = resampled_metrics(theirs, days, seed, names=COMPARED)
    return {name: margin(name, values[name], other_values[name], draws[name], other_draws[name]) for name in COMPARED}


def cross_fitted(odds: Vector, y_valid: Vector, days: NDArray[Any]) -> Vector:
    """Recalibrated probabilities, each from a fit that saw no row of its day; as they were if no fit is possible."""
    after = expit(odds)
    for fitted, held_out in folds(days):
        if len(np.unique(y_valid[fitted])) == 2:  # both classes on the other days
            slope, shift = platt_terms(odds[fitted], y_valid[fitted])
            after[held_out] = expit(slope * odds[held_out] + shift)
    return after


def folds(days: NDArray[Any]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit on and held-out rows; whole days are dealt out in turn."""
    _, day = np.unique(days, return_inverse=True)
    for fold in range(min(FOLDS, day.max() + 1)):
        yield np.flatnonzero(day % FOLDS != fold), np.flatnonzero(day % FOLDS == fold)


def platt_terms(odds: Vector, y_valid: Vector) -> tuple[float, float]:
    """The slope and the shift that make these log-odds most likely."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf).fit(odds[:, None], y_valid)
    return float(model.coef_.item()), float(model.intercept_.item())


def recalibrated(pipeline: Any, X_valid: Any, y_valid: Vector) -> Any:
    """The fitted model with Platt's slope and shift after it."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    return CalibratedClassifierCV(FrozenEstimator(pipeline), method="sigmoid").fit(X_valid, y_valid)


def logit(probabilities: Vector) -> Vector:
    """Log-odds of probabilities."""
    inside = np.clip(probabilities, 1e-15, 1 - 1e-15)
    return np.asarray(np.log(inside / (1 - inside)))


def expit(odds: Vector) -> Vector:
    """Probabilities of log-odds."""
    return 1 / (1 + np.exp(-odds))
