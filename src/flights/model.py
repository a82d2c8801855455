"""The unfitted models: the baselines, and the candidate that must beat them.

All take a frame of `feature_set.build_features`. Heavy imports are inside the functions: serving needs none of them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.columns import Columns
from flights.dataset import INPUTS
from flights.feature_set import plan
from flights.features import CATEGORIES, MONOTONIC_CONSTRAINTS
from flights.plugins import hooks

EXPORTERS = "flights.exporters"  # the package of the plug-ins
CANDIDATE, HGB = "candidate", "hgb"  # the model to evaluate, and the family that it has by default
RULE = "heuristic"  # the baseline that the gate compares with, and the service's fallback
MODELS = ("prior", RULE, "tree", "logistic", CANDIDATE)
TRUSTED_TYPES = [  # of the models in this module
    "flights.cell_rates.CellRates",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.tree._tree.Tree",
]

OUTAGE_SHARE = 0.1  # of the training rows, per feed
NUMBERS = tuple(name for name, *_ in plan() if name not in CATEGORIES)  # in the trees' order, after the categories
MIN_LEAF_ROWS, MIN_TREE_LEAF_ROWS = 200, 500  # of training, in a leaf of the candidate and of the baseline tree


def build_model(name: str, seed: int) -> Any:
    """Make an unfitted scikit-learn classifier; exporters bring more of them."""
    models = {"prior": prior, RULE: heuristic, "tree": tree, "logistic": logistic, CANDIDATE: candidate, HGB: candidate}
    for found in hooks(EXPORTERS, "ESTIMATORS"):
        models.update(found)
    return models[name](seed)


def trusted_types() -> list[str]:
    """What the models hold beyond the types that skops trusts by itself; exporters declare those of their families."""
    return sum(hooks(EXPORTERS, "TRUSTED_TYPES"), TRUSTED_TYPES)


def prior(seed: int) -> Any:
    """The share of positive rows, whatever the row."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior", random_state=seed)


def heuristic(_seed: int) -> Any:
    """The historic rate of each cell of `HEURISTIC`: numbers by band."""
    from flights.cell_rates import CellRates

    return CellRates(added_rows=10.0)


def tree(seed: int) -> Any:
    """One small tree: at most six splits, and at least `MIN_TREE_LEAF_ROWS` in a leaf."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from sklearn.tree import DecisionTreeClassifier

    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    encode = ColumnTransformer([("categories", ordinal, list(CATEGORIES))], remainder="passthrough")
    classifier = DecisionTreeClassifier(max_depth=6, min_samples_leaf=MIN_TREE_LEAF_ROWS, random_state=seed)
    return Pipeline([("encode", encode), ("questions", classifier)])


def logistic(_seed: int) -> Any:
    """Logistic regression on sparse columns, with an indicator of missing values."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([("fill", SimpleImputer(strategy="median", add_indicator=True)), ("scale", StandardScaler())])
    one_hot = [("categories", OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES))]
    encode = ColumnTransformer(one_hot, remainder=numbers, sparse_threshold=1.0)  # sparse, whatever the categories
    return Pipeline([("encode", encode), ("weights", LogisticRegression(C=0.1, solver="newton-cg"))])


def candidate(seed: int) -> Any:
    """Boosted trees on numbers: a category is its rate in training; an unseen or missing one is the mean rate."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import TargetEncoder

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    tables = TargetEncoder(target_type="binary", cv=folds)
    trees = HistGradientBoostingClassifier(
        learning_rate=0.06,
        max_iter=200,
        max_leaf_nodes=31,
        min_samples_leaf=MIN_LEAF_ROWS,
        l2_regularization=5.0,
        categorical_features=None,
        monotonic_cst=[0] * len(CATEGORIES) + [MONOTONIC_CONSTRAINTS.get(name, 0) for name in NUMBERS],
        early_stopping=False,
        random_state=seed,
    )
    encode = ColumnTransformer([("tables", tables, list(CATEGORIES))], remainder="passthrough")
    return Pipeline([("encode", encode), ("trees", trees)])


def with_feed_outages(columns: Columns, seed: int) -> Columns:
    """Input columns, each feed missing in a random share of the rows: else missing would mean the hours before dawn."""
    random = np.random.default_rng(seed)
    rows = len(columns[INPUTS[0].name])
    missing = {feed: random.random(rows) < OUTAGE_SHARE for feed in feeds()}
    return columns | {
        column.name: masked(columns[column.name], missing[column.feed]) for column in INPUTS if column.feed
    }


def with_missing_feed(columns: Columns, feed: str) -> Columns:
    """Input columns with one feed missing throughout."""
    every = np.ones(len(columns[INPUTS[0].name]), dtype=bool)
    return columns | {column.name: masked(columns[column.name], every) for column in INPUTS if column.feed == feed}


def feeds() -> list[str]:
    """The upstream feeds, each of which can be missing."""
    return sorted({column.feed for column in INPUTS if column.feed})


def masked(values: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """A copy of a column with some of its values missing."""
    copy = values.copy()
    copy[missing] = None if values.dtype == object else np.nan
    return copy
