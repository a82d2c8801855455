"""The fitted candidate as data without code: its trees as an ONNX file, its encoding tables as JSON.

Trained with scikit-learn, served without it: the same probabilities to 1e-9, from a file that cannot run anything.
ONNX's double-precision `TreeEnsemble` keeps thresholds exact; converters write single precision, which moves rows.
"""

import json
import math
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.columns import Columns
from flights.feature_set import build_features

TREES = "model.onnx"
TABLES = "encodings.json"
TOLERANCE = 1e-9  # the largest difference from scikit-learn's probability that still counts as the same

Score = Callable[[Columns], NDArray[np.float64]]
Nodes = defaultdict[str, list[Any]]  # of all trees, in the flat lists of ONNX's `TreeEnsemble`


class ParityError(ValueError):
    """The exported model's probabilities differ from scikit-learn's."""


def export(pipeline: Any, folder: Path) -> None:
    """Write a fitted candidate (target-encoded tables, then numeric trees, recalibrated or not) to `folder`."""
    pipeline, slope, shift = recalibration(pipeline)
    encode, trees = pipeline.named_steps["encode"], pipeline.named_steps["trees"]
    encoder = encode.named_transformers_["tables"]
    rates = {
        str(name): dict(zip(categories, values.tolist(), strict=True))
        for name, categories, values in zip(
            encoder.feature_names_in_, encoder.categories_, encoder.encodings_, strict=True
        )
    }
    tables = {
        name: {text: rate for text, rate in each.items() if isinstance(text, str)} for name, each in rates.items()
    }
    missing = {name: rate for name, each in rates.items() for text, rate in each.items() if not isinstance(text, str)}
    order = [name.split("__", 1)[1] for name in encode.get_feature_names_out()]
    content = {"order": order, "unknown": float(encoder.target_mean_), "missing": missing, "tables": tables}
    (folder / TABLES).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    (folder / TREES).write_bytes(_onnx(trees, len(order), slope, shift))


def load(folder: Path) -> Score:
    """Read a model's portable form: a function from input columns to probabilities, shape `(rows,)`.

    The function uses one thread: it is for few rows at a time; for many, start several processes.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession((folder / TREES).read_bytes(), options, providers=["CPUExecutionProvider"])
    content = json.loads((folder / TABLES).read_text())
    order, unknown, missing = content["order"], content["unknown"], content.get("missing", {})
    tables = {name: {**each, None: missing.get(name, unknown)} for name, each in content["tables"].items()}

    def score(columns: Columns) -> NDArray[np.float64]:
        features = build_features(columns)
        matrix = np.empty((len(next(iter(features.values()))), len(order)))
        for position, name in enumerate(order):
            table = tables.get(name)
            values = features[name]
            matrix[:, position] = values if table is None else [table.get(value, unknown) for value in values]
        probabilities: NDArray[np.float64] = session.run(None, {"features": matrix})[0][:, 0]
        return probabilities

    return score


def check_parity(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Return the largest difference between portable and scikit-learn probabilities; fail above `TOLERANCE`."""
    difference = float(np.max(np.abs(ours - theirs)))
    if math.isnan(difference) or difference > TOLERANCE:
        raise ParityError(f"expected scikit-learn's probabilities to {TOLERANCE:g}, got a difference of {difference:g}")
    return difference


def recalibration(model: Any) -> tuple[Any, float, float]:
    """The uncalibrated model, and the recalibration's slope and shift of the log-odds."""
    if not hasattr(model, "calibrated_classifiers_"):
        return model, 1.0, 0.0
    (calibrated,) = model.calibrated_classifiers_
    (sigmoid,) = calibrated.calibrators
    return calibrated.estimator.estimator, -float(sigmoid.a_), -float(sigmoid.b_)


def _onnx(trees: Any, features: int, slope: float = 1.0, shift: float = 0.0) -> bytes:
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
