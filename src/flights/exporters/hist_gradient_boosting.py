"""scikit-learn's HistGradientBoostingClassifier after target-encoded tables.

ONNX's double-precision `TreeEnsemble` keeps thresholds exact; converters write single precision, which moves rows.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.portable import TABLES, TREES

Nodes = defaultdict[str, list[Any]]  # of all trees, in the flat lists of ONNX's `TreeEnsemble`


def can_export(pipeline: Any) -> bool:
    """Whether the pipeline's last step is of this family."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return isinstance(getattr(pipeline, "named_steps", {}).get("trees"), HistGradientBoostingClassifier)


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted candidate (target-encoded tables, then numeric trees) with its recalibration to `folder`."""
    encode, trees = pipeline.named_steps["encode"], pipeline.named_steps["trees"]
    encoder = encode.named_transformers_["tables"]
    fitted = [getattr(encoder, name, ()) for name in ("feature_names_in_", "categories_", "encodings_")]  # if any
    rates = {
        str(name): dict(zip(categories, values.tolist(), strict=True))
        for name, categories, values in zip(*fitted, strict=True)
    }
    tables = {
        name: {text: rate for text, rate in each.items() if isinstance(text, str)} for name, each in rates.items()
    }
    missing = {name: rate for name, each in rates.items() for text, rate in each.items() if not isinstance(text, str)}
    order = [name.split("__", 1)[1] for name in encode.get_feature_names_out()]
    content = {
        "order": order,
        "unknown": float(getattr(encoder, "target_mean_", 0)),
        "missing": missing,
        "tables": tables,
    }
    (folder / TABLES).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    (folder / TREES).write_bytes(onnx_bytes(trees, len(order), slope, shift))


def onnx_bytes(trees: Any, features: int, slope: float = 1.0, shift: float = 0.0) -> bytes:
    """The trees, and the recalibration after them, as an ONNX model."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, start = _nodes(trees)
    if not nodes["tree_roots"]:
        raise ValueError("the trees have no split: too little data, train on more rows")
    numbers = {"start": start, "slope": slope, "shift": shift}
    graph = helper.make_graph(
        [
            _ensemble(nodes),
            helper.make_node("Add", ["trees", "start"], ["logit"]),
            helper.make_node("Mul", ["logit", "slope"], ["scaled"]),
            helper.make_node("Add", ["scaled", "shift"], ["recalibrated"]),
            helper.make_node("Sigmoid", ["recalibrated"], ["probability"]),
        ],
        "candidate",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, features])],
        [helper.make_tensor_value_info("probability", TensorProto.DOUBLE, [None, 1])],
        [numpy_helper.from_array(np.array([value]), name) for name, value in numbers.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _ensemble(nodes: Nodes) -> Any:
    from onnx import TensorProto, helper

    def doubles(name: str, values: list[float]) -> Any:
        return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)

    splits, weights = nodes.pop("nodes_splits"), nodes.pop("leaf_weights")
    return helper.make_node(
        "TreeEnsemble",
        ["features"],
        ["trees"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,  # sum
        post_transform=0,
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [len(splits)], [0] * len(splits)),
        nodes_splits=doubles("splits", splits),
        leaf_targetids=[0] * len(weights),
        leaf_weights=doubles("weights", weights),
        **nodes,
    )


def _nodes(trees: Any) -> tuple[Nodes, float]:
    flat: Nodes = defaultdict(list)
    start = float(trees._baseline_prediction.item())
    for (predictor,) in trees._predictors:
        start += _append_tree(flat, predictor.nodes)
    return flat, start


def _append_tree(flat: Nodes, tree: NDArray[Any]) -> float:
    """Append one of scikit-learn's trees, or return its constant; ONNX numbers nodes and leaves apart."""
    if tree["is_categorical"].any():
        raise ValueError("expected purely numeric splits: encode categories as tables first")
    leaf = tree["is_leaf"].astype(bool)
    leaves, nodes = len(flat["leaf_weights"]), len(flat["nodes_splits"])
    position = np.where(leaf, np.cumsum(leaf) - 1 + leaves, np.cumsum(~leaf) - 1 + nodes)
    inner = tree[~leaf]
    if not len(inner):  # found nothing to split: a constant
        return float(tree["value"][0])
    flat["tree_roots"].append(int(position[0]))
    flat["nodes_featureids"] += inner["feature_idx"].tolist()
    flat["nodes_splits"] += inner["num_threshold"].tolist()
    flat["nodes_missing_value_tracks_true"] += inner["missing_go_to_left"].tolist()
    flat["nodes_truenodeids"] += position[inner["left"]].tolist()
    flat["nodes_trueleafs"] += leaf[inner["left"]].astype(int).tolist()
    flat["nodes_falsenodeids"] += position[inner["right"]].tolist()
    flat["nodes_falseleafs"] += leaf[inner["right"]].astype(int).tolist()
    flat["leaf_weights"] += tree["value"][leaf].tolist()
    return 0.0
