"""XGBoost's trees, from the JSON that it saves. It reads its inputs, and adds its leaves, in single precision."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flights.exporters._boosted import boosted
from flights.exporters._encode import ends_with, last_step, matrix
from flights.exporters._graph import Graph
from flights.exporters._trees import BELOW, Tree, add_trees

TOLERANCE = 1e-6  # XGBoost's own probabilities have single precision: 2e-7 in the tests
TRUSTED_TYPES = [
    "flights.exporters._xgboost_classifier.Classifier",
    "xgboost.core.Booster",
]


def can_export(pipeline: Any) -> bool:
    """Whether the last of a pipeline's steps is of this family."""
    return ends_with(pipeline, "XGBClassifier")


def estimator(seed: int) -> Any:
    """XGBoost with the same tables, tree sizes and monotonic constraints as the default candidate."""
    from flights.exporters._xgboost_classifier import Classifier

    return boosted(
        seed,
        lambda rows, constraints: Classifier(
            learning_rate=0.06,
            n_estimators=200,
            max_depth=0,
            max_leaves=31,
            grow_policy="lossguide",
            min_child_weight=rows / 8,  # of its hessian, which is at most a quarter of the rows
            reg_lambda=5.0,
            monotone_constraints=tuple(constraints),
            random_state=seed,
            n_jobs=1,
        ),
    )


ESTIMATORS = {"xgboost": estimator}


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted pipeline with its recalibration.

    Raises
    ------
    ValueError
        The model is not of XGBoost's default booster and objective.
    """
    learner = saved(last_step(pipeline))
    booster = learner["gradient_booster"]
    if (learner["objective"]["name"], booster["name"]) != ("binary:logistic", "gbtree"):
        raise ValueError("expected XGBoost's booster gbtree with the objective binary:logistic")
    base = float(np.float32(learner["learner_model_param"]["base_score"].strip("[]")))
    graph = Graph()
    source, tables = matrix(pipeline, graph)
    total, start = add_trees(graph, map(tree_of, booster["model"]["trees"]), graph.as_float32(source), BELOW)
    start += math.log(base / (1 - base))
    graph.add_probability(total, start, slope, shift)
    graph.write(folder, len(tables.order))
    tables.write(folder, TOLERANCE)


def saved(model: Any) -> Any:
    """What the library saves of a fitted model, up to its best iteration."""
    booster = model.get_booster()
    best = booster.attr("best_iteration")
    return json.loads((booster if best is None else booster[: int(best) + 1]).save_raw("json"))["learner"]


def tree_of(tree: Mapping[str, Any]) -> Tree:
    """One tree; a leaf's condition is its value.

    Raises
    ------
    ValueError
        A split is categorical.
    """
    if any(tree["split_type"]):
        raise ValueError("expected purely numeric splits: encode categories as tables first")
    left, conditions = np.array(tree["left_children"]), np.array(tree["split_conditions"], np.float32).astype(float)
    return Tree(
        leaf=left < 0,
        feature=np.array(tree["split_indices"]),
        threshold=conditions,
        left=left,
        right=np.array(tree["right_children"]),
        missing_left=np.array(tree["default_left"]),
        value=conditions,
    )
