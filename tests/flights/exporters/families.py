"""Fitted models of every family that can be exported, on a small table with every kind of odd value."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

TEXTS, NUMBERS = ["town", "code"], ["small", "large", "whole"]
LIBRARIES = {"lightgbm", "xgboost"}


def table(rows=3000, seed=0):
    """Texts with rare and missing values, numbers with missing ones, and one that is never missing."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "town": draw.choice(["Ada", "Bo", "Cy", None], rows, p=[0.5, 0.3, 0.1, 0.1]),
            "code": draw.zipf(1.5, rows).astype(str),
            "small": np.where(draw.random(rows) < 0.2, np.nan, draw.normal(0.1, 1e-3, rows)),
            "large": np.where(draw.random(rows) < 0.1, np.nan, 1e8 + draw.integers(0, 90, rows)),
            "whole": draw.integers(0, 9, rows).astype(float),
        }
    )
    frame["code"] = [value[:3] for value in frame["code"]]
    for name in TEXTS:  # None if missing, as everywhere in this project
        frame[name] = pd.Series([value if isinstance(value, str) else None for value in frame[name]], dtype=object)
    odds = 3 * (frame["town"] == "Ada") + np.nan_to_num(frame["large"] - 1e8) / 30 - frame["whole"] / 3 - 1
    return frame, draw.random(rows) < 1 / (1 + np.exp(-odds))


def odd(frame):
    """Rows as training had none: unseen texts, missing everywhere, zeros, and values beyond all others."""
    changed = frame.head(400).copy()
    for place, name in enumerate(NUMBERS):
        changed.loc[changed.index % 7 == place, name] = np.nan
        changed.loc[changed.index % 11 == place, name] = (0.0, 1e30, -1e30)[place]
    for place, name in enumerate(TEXTS):
        changed.loc[changed.index % 5 == place, name] = None
        changed.loc[changed.index % 5 == place + 2, name] = "never seen"
    return changed


def on_tables(last):
    """A pipeline of target-encoded tables and one estimator."""
    encode = ColumnTransformer([("tables", TargetEncoder(random_state=0), TEXTS)], remainder="passthrough")
    return Pipeline([("encode", encode), ("last", last)])


def on_codes(last):
    """A pipeline of ordinal codes and one estimator."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    return Pipeline([("encode", ColumnTransformer([("codes", codes, TEXTS)], remainder="passthrough")), ("last", last)])


def on_indicators(last, **options):
    """A pipeline of one-hot columns, filled and scaled numbers, and one estimator."""
    numbers = Pipeline([("fill", SimpleImputer(strategy="median", add_indicator=True)), ("scale", StandardScaler())])
    one_hot = OneHotEncoder(**{"handle_unknown": "infrequent_if_exist", "sparse_output": False, **options})
    return Pipeline([("encode", ColumnTransformer([("texts", one_hot, TEXTS)], remainder=numbers)), ("last", last)])


def on_scaled(last):
    """Steps one after the other: one-hot columns, and then a scaler of all of them."""
    pipeline = on_indicators(last, handle_unknown="ignore")
    return Pipeline([*pipeline.steps[:-1], ("again", StandardScaler()), pipeline.steps[-1]])


def lightgbm(**options):
    """LightGBM's trees."""
    from flights.exporters._lightgbm_classifier import Classifier

    return Classifier(**{"n_estimators": 30, "n_jobs": 1, "verbose": -1, **options})


def xgboost(**options):
    """XGBoost's trees."""
    from flights.exporters._xgboost_classifier import Classifier

    return Classifier(**{"n_estimators": 30, "n_jobs": 1, **options})


FAMILIES = {
    "logistic": lambda: on_indicators(LogisticRegression(max_iter=500)),
    "logistic, rare values together": lambda: on_indicators(LogisticRegression(max_iter=500), max_categories=20),
    "logistic, sparse": lambda: on_indicators(LogisticRegression(max_iter=500), sparse_output=True, min_frequency=9),
    "logistic, scaled again": lambda: on_scaled(LogisticRegression(max_iter=500)),
    "boosted trees": lambda: on_tables(HistGradientBoostingClassifier(max_iter=30, early_stopping=False)),
    "tree": lambda: on_codes(DecisionTreeClassifier(max_depth=6, random_state=0)),
    "forest": lambda: on_codes(RandomForestClassifier(20, max_depth=8, random_state=0)),
    "extra trees": lambda: on_indicators(ExtraTreesClassifier(20, max_depth=8, random_state=0), max_categories=9),
    "lightgbm": lambda: on_tables(lightgbm()),
    "lightgbm, dart": lambda: on_codes(lightgbm(boosting_type="dart")),
    "xgboost": lambda: on_tables(xgboost()),
    "xgboost, by depth": lambda: on_codes(xgboost(tree_method="exact", max_depth=4, base_score=0.2)),
}
