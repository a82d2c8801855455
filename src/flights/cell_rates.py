"""The heuristic's classifier: a group-by, without a solver."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from flights.feature_set import heuristic_cells


class CellRates(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The share of positive rows in each cell of `HEURISTIC`, with some rows of the mean rate added to each."""

    def __init__(self, added_rows: float):
        self.added_rows = added_rows

    def fit(self, features: Any, y_train: Any) -> Self:
        """Count the rows of each cell, and the positive ones."""
        self.classes_, self.prior_ = np.unique(y_train), float(np.mean(y_train))
        found = pd.Series(np.asarray(y_train, dtype=float)).groupby(heuristic_cells(features)).agg(["sum", "size"])
        rates = (found["sum"] + self.added_rows * self.prior_) / (found["size"] + self.added_rows)
        self.rates_ = rates.to_dict()
        return self

    def predict_proba(self, features: Any) -> NDArray[np.float64]:
        """The rate of each row's cell; the mean rate in a cell without rows."""
        positive = np.array([self.rates_.get(cell, self.prior_) for cell in heuristic_cells(features)])
        return np.column_stack([1 - positive, positive])
