"""LightGBM's classifier with log-odds, which recalibration reads."""

from typing import Any

from lightgbm import LGBMClassifier


class Classifier(LGBMClassifier):  # type: ignore[misc]
    """LightGBM's classifier with scikit-learn's `decision_function`."""

    def decision_function(self, X: Any) -> Any:  # noqa: N803
        """Log-odds of the positive class."""
        return self.predict(X, raw_score=True)
