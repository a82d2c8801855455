"""LightGBM's trees, from the text that the library saves."""

from pathlib import Path
from typing import Any

import numpy as np

from flights.exporters._boosted import boosted
from flights.exporters._encode import ends_with, last_step, matrix
from flights.exporters._graph import Graph
from flights.exporters._trees import Tree, add_trees

TOLERANCE = 1e-9  # 3e-16 in the tests
TRUSTED_TYPES = [
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "flights.exporters._lightgbm_classifier.Classifier",
]
CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of a decision type; the next two are the kind of missing values
MISSING_AS_ZERO, ZERO_AS_MISSING = 0, 1


def can_export(pipeline: Any) -> bool:
    """Whether the last of a pipeline's steps is of this family."""
    return ends_with(pipeline, "LGBMClassifier")


def estimator(seed: int) -> Any:
    """LightGBM with the same tables, tree sizes and monotonic constraints as the default candidate."""
    from flights.exporters._lightgbm_classifier import Classifier

    return boosted(
        seed,
        lambda rows, constraints: Classifier(
            learning_rate=0.06,
            n_estimators=200,
            num_leaves=31,
            min_child_samples=rows,
            reg_lambda=5.0,
            monotone_constraints=constraints,
            random_state=seed,
            deterministic=True,
            force_row_wise=True,
            n_jobs=1,
            verbose=-1,
        ),
    )


ESTIMATORS = {"lightgbm": estimator}


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted pipeline with its recalibration.

    Raises
    ------
    ValueError
        The objective is not `binary` with a sigmoid of 1.
    """
    text = last_step(pipeline).booster_.model_to_string()
    head, *parts = text.partition("end of trees")[0].split("Tree=")
    if "objective=binary sigmoid:1\n" not in head or "average_output" in head:
        raise ValueError("expected LightGBM's objective binary with sigmoid 1, and a sum of trees")
    graph = Graph()
    source, tables = matrix(pipeline, graph)
    total, start = add_trees(graph, map(tree_of, parts), source)
    graph.add_probability(total, start, slope, shift)
    graph.write(folder, len(tables.order))
    tables.write(folder, TOLERANCE)


def tree_of(text: str) -> Tree:
    """One tree; LightGBM numbers splits from 0, and leaves from -1 downwards.

    Raises
    ------
    ValueError
        A split is categorical, or zero counts as missing.
    """
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    values = np.array(fields["leaf_value"].split(), dtype=float)
    splits = len(values) - 1
    kinds = numbers(fields, "decision_type", splits)
    missing = kinds >> 2
    if (kinds & CATEGORICAL).any() or (missing == ZERO_AS_MISSING).any():
        raise ValueError("expected purely numeric splits, with NaN as missing: encode categories as tables first")
    thresholds = np.array(fields.get("threshold", "").split()[:splits], dtype=float)
    left, right = numbers(fields, "left_child", splits), numbers(fields, "right_child", splits)
    leaves = np.ones(len(values), dtype=bool)
    nothing = np.zeros(len(values), dtype=int)
    return Tree(
        leaf=np.concatenate([~leaves[:splits], leaves]),
        feature=np.concatenate([numbers(fields, "split_feature", splits), nothing]),
        threshold=np.concatenate([thresholds, nothing]),
        left=np.concatenate([np.where(left < 0, splits + ~left, left), nothing]),
        right=np.concatenate([np.where(right < 0, splits + ~right, right), nothing]),
        missing_left=np.concatenate(
            [np.where(missing == MISSING_AS_ZERO, thresholds >= 0, (kinds & DEFAULT_LEFT) > 0), nothing]
        ),
        value=np.concatenate([np.zeros_like(thresholds), values]),
    )


def numbers(fields: dict[str, str], name: str, splits: int) -> Any:
    """One integer for each split; a tree without a split has none."""
    return np.array(fields.get(name, "").split()[:splits], dtype=int)
