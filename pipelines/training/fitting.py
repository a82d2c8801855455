"""A fitted model with its decision threshold, which is tuned on validation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from flights.evaluation import decision_cost
from flights.ranking import Vector

THRESHOLDS = 200  # tried, evenly spaced


@dataclass(frozen=True)
class Fit:
    """A fitted model with its validation metrics."""

    pipeline: Any
    threshold: float
    validation: Mapping[str, float]
    seconds: float
    recalibration: Mapping[str, Any] = field(default_factory=dict)  # the trial on validation


def tuned_threshold(pipeline: Any, X_valid: pd.DataFrame, y_valid: Vector) -> float:
    """The decision threshold with the lowest cost on validation; of a constant model, its probability."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.metrics import make_scorer
    from sklearn.model_selection import TunedThresholdClassifierCV

    probabilities = pipeline.predict_proba(X_valid)[:, 1]
    if np.ptp(probabilities) == 0:
        return float(probabilities[0])
    tuning = TunedThresholdClassifierCV(
        FrozenEstimator(pipeline),
        scoring=make_scorer(decision_cost, greater_is_better=False),
        response_method="predict_proba",
        thresholds=THRESHOLDS,
        cv="prefit",
        refit=False,
    )
    return float(tuning.fit(X_valid, y_valid).best_threshold_)
