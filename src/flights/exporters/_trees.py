"""Trees of any library as one `TreeEnsemble` in double precision: thresholds stay exact.

ONNX's converters write single precision, which moves rows to the other side of a threshold.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.exporters._graph import INPUT, Graph

AT_MOST, BELOW = 0, 1  # ONNX's modes of a split: a row goes left if its value is <= or < the threshold
Nodes = defaultdict[str, list[Any]]  # of all trees, in the flat lists of ONNX's `TreeEnsemble`


@dataclass(frozen=True)
class Tree:
    """One tree as arrays, the root first; a leaf's feature, threshold and children do not count."""

    leaf: NDArray[np.bool_]
    feature: NDArray[Any]
    threshold: NDArray[np.float64]
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[Any]
    value: NDArray[np.float64]


def add_trees(graph: Graph, trees: Iterable[Tree], source: str = INPUT, mode: int = AT_MOST) -> tuple[str, float]:
    """Add the trees to a graph; returns the name of their sum, and what trees without a split add to it.

    Raises
    ------
    ValueError
        No tree has a split.
    """
    from onnx import TensorProto, helper

    nodes: Nodes = defaultdict(list)
    start = sum(_append(nodes, tree) for tree in trees)
    if not nodes["tree_roots"]:
        raise ValueError("the trees have no split: too little data, train on more rows")
    splits, weights = nodes.pop("nodes_splits"), nodes.pop("leaf_weights")
    name = graph.add(
        "TreeEnsemble",
        source,
        output="trees",
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,  # sum
        post_transform=0,
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [len(splits)], [mode] * len(splits)),
        nodes_splits=helper.make_tensor("splits", TensorProto.DOUBLE, [len(splits)], splits),
        leaf_targetids=[0] * len(weights),
        leaf_weights=helper.make_tensor("weights", TensorProto.DOUBLE, [len(weights)], weights),
        **nodes,
    )
    return name, float(start)


def _append(flat: Nodes, tree: Tree) -> float:
    """Append a tree, or return its constant; ONNX numbers nodes and leaves apart."""
    inner = ~tree.leaf
    if not inner.any():  # found nothing to split: a constant
        return float(tree.value[0])
    leaves, nodes = len(flat["leaf_weights"]), len(flat["nodes_splits"])
    position = np.where(tree.leaf, np.cumsum(tree.leaf) - 1 + leaves, np.cumsum(inner) - 1 + nodes)
    left, right = tree.left[inner], tree.right[inner]
    flat["tree_roots"].append(int(position[0]))
    flat["nodes_featureids"] += tree.feature[inner].tolist()
    flat["nodes_splits"] += tree.threshold[inner].tolist()
    flat["nodes_missing_value_tracks_true"] += tree.missing_left[inner].astype(int).tolist()
    flat["nodes_truenodeids"] += position[left].tolist()
    flat["nodes_trueleafs"] += tree.leaf[left].astype(int).tolist()
    flat["nodes_falsenodeids"] += position[right].tolist()
    flat["nodes_falseleafs"] += tree.leaf[right].astype(int).tolist()
    flat["leaf_weights"] += tree.value[tree.leaf].tolist()
    return 0.0
