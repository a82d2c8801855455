"""scikit-learn's HistGradientBoostingClassifier, after encoders that make numbers of its categories."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.exporters._encode import ends_with, last_step, matrix
from flights.exporters._graph import INPUT, Graph
from flights.exporters._trees import Tree, add_trees

TOLERANCE = 1e-9  # 4e-16 in the tests


def can_export(pipeline: Any) -> bool:
    """Whether the pipeline's last step is of this family."""
    return ends_with(pipeline, "HistGradientBoostingClassifier")


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted candidate (target-encoded tables, then numeric trees) with its recalibration to `folder`."""
    graph = Graph()
    source, tables = matrix(pipeline, graph)
    add_probability(graph, last_step(pipeline), source, slope, shift)
    graph.write(folder, len(tables.order))
    tables.write(folder, TOLERANCE)


def add_probability(graph: Graph, trees: Any, source: str = INPUT, slope: float = 1.0, shift: float = 0.0) -> None:
    """Add the trees, and the recalibration after them."""
    predictors, baseline = trees._predictors, trees._baseline_prediction  # noqa: SLF001 - it shows its trees nowhere else
    total, start = add_trees(graph, [tree_of(predictor.nodes) for (predictor,) in predictors], source)
    graph.add_probability(total, start + float(baseline.item()), slope, shift)


def tree_of(nodes: NDArray[Any]) -> Tree:
    """One of scikit-learn's trees.

    Raises
    ------
    ValueError
        A split is categorical.
    """
    if nodes["is_categorical"].any():
        raise ValueError("expected purely numeric splits: encode categories as tables first")
    return Tree(
        leaf=nodes["is_leaf"].astype(bool),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        left=nodes["left"],
        right=nodes["right"],
        missing_left=nodes["missing_go_to_left"],
        value=np.asarray(nodes["value"]),
    )
