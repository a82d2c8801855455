"""scikit-learn's decision trees and forests, which round their inputs to single precision before they split."""

from pathlib import Path
from typing import Any

import numpy as np

from flights.exporters._encode import ends_with, last_step, matrix
from flights.exporters._graph import OUTPUT, Graph
from flights.exporters._trees import Tree, add_trees

TOLERANCE = 1e-9  # 6e-16 in the tests


def can_export(pipeline: Any) -> bool:
    """Whether the last of a pipeline's steps is of this family."""
    return ends_with(pipeline, "DecisionTreeClassifier", "ForestClassifier")


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted pipeline; these trees answer with probabilities, so there are no log-odds to recalibrate.

    Raises
    ------
    ValueError
        It was recalibrated.
    """
    if (slope, shift) != (1.0, 0.0):
        raise ValueError("a recalibrated forest has no portable form: serve it without recalibration")
    graph, forest = Graph(), last_step(pipeline)
    source, tables = matrix(pipeline, graph)
    members = [each.tree_ for each in getattr(forest, "estimators_", [forest])]
    trees = [tree_of(member, len(members)) for member in members]
    total, start = add_trees(graph, trees, graph.as_float32(source))
    graph.add("Add", total, graph.constant([start]), output=OUTPUT)
    graph.write(folder, len(tables.order))
    tables.write(folder, TOLERANCE)


def tree_of(tree: Any, members: int) -> Tree:
    """One of scikit-learn's trees; its leaves have their share of the forest's mean."""
    return Tree(
        leaf=tree.children_left < 0,
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=tree.missing_go_to_left,
        value=np.asarray(tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1) / members),
    )
