"""XGBoost's classifier with log-odds, which recalibration reads."""

from typing import Any

from xgboost import XGBClassifier


class Classifier(XGBClassifier):  # type: ignore[misc]
    """XGBoost's classifier with scikit-learn's `decision_function`."""

    def decision_function(self, X: Any) -> Any:  # noqa: N803
        """Log-odds of the positive class."""
        return self.predict(X, output_margin=True).astype(float)
