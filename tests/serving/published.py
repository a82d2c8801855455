"""Small models published for the service's tests: real files, verified like any other, fitted in a second."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder
from threadpoolctl import threadpool_limits

from flights import heuristic, portable, registry
from flights.artifacts import new_folder, sha256, write_json
from flights.columns import Column, Columns
from flights.dataset import INPUTS
from flights.feature_set import build_features
from flights.features import CATEGORIES, FEATURES, HEURISTIC
from flights.files import GATE_FILE, GOLDEN_FILE, MANIFEST_FILE
from flights.model_files import write_golden
from flights.rows import as_columns
from tests.declared import unseen
from tests.patterns import matching

SIGNAL = next(name for name in FEATURES if isinstance(name, str) and name not in CATEGORIES)
GROUP = next((column.example for column in INPUTS if column.name == HEURISTIC[0]), "")  # the heuristic knows this one
UNSEEN = unseen()  # a text that no test model was trained on


def value(column: Column, draw: np.random.Generator) -> Any:
    """One value that the contract allows, as JSON has it."""
    if column.nullable and draw.random() < 0.2:
        return None
    if column.kind == "time":
        return str(np.datetime64("2013-01-01T05:00") + np.timedelta64(int(draw.integers(0, 500_000)), "m")) + ":00Z"
    if column.categories:
        return str(draw.choice(column.categories))
    if column.pattern:
        text = column.example if draw.random() < 0.5 else matching(draw, column.pattern)
        return column.example if text == UNSEEN.get(column.name) else text
    number = draw.uniform(column.minimum, column.maximum)
    return int(number) if column.kind == "integer" else round(float(number), 3)


def random_flights(count: int, seed: int) -> list[dict[str, Any]]:
    """Rows that the contract allows, a fifth of the nullable values missing, no two alike."""
    draw = np.random.default_rng(seed)
    return [{column.name: value(column, draw) for column in INPUTS} for _ in range(count)]


def naive(flight: dict[str, Any]) -> dict[str, Any]:
    """A request's row as NumPy takes it: times in UTC without their zone."""
    times = {column.name for column in INPUTS if column.kind == "time"}
    return {name: item.removesuffix("Z") if name in times else item for name, item in flight.items()}


def publish(models_dir: Path, version: int, seed: int, *, passed: bool = True) -> registry.Model:
    """Fit a small model, publish it as `version` and load it again."""
    columns = as_columns([naive(flight) for flight in random_flights(600, seed)])
    features = {name: values for name, values in build_features(columns).items() if values.dtype.kind != "M"}
    target = np.random.default_rng(seed).random(600) < np.where(
        features[SIGNAL] > np.nanmean(features[SIGNAL]), 0.7, 0.2
    )
    text = [name for name, values in features.items() if values.dtype == object]
    numbers = [name for name in features if name not in text]
    encode = ColumnTransformer([("tables", TargetEncoder(), text), ("numbers", "passthrough", numbers)])
    trees = HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=seed)
    frame = pd.DataFrame(features).astype(dict.fromkeys(text, object))
    for name in text:
        frame[name] = [item or "none" for item in features[name]]
    with threadpool_limits(1):  # small trees and busy cores: threads would only wait for each other
        fitted = Pipeline([("encode", encode), ("trees", trees)]).fit(frame, target)
    return publish_fitted(models_dir, version, fitted, columns, passed=passed)


def publish_fitted(models_dir: Path, version: int, fitted: Any, columns: Columns, *, passed: bool) -> registry.Model:
    """Publish a fitted model as `version`, with golden predictions for the first rows, and load it again."""
    folder = registry.model_folder(models_dir, version)
    with new_folder(folder) as temporary:
        portable.export(fitted, temporary)
        golden = {name: values[:50] for name, values in columns.items()}
        write_golden(temporary, golden, portable.load(temporary)(golden))
        rates = {json.dumps([GROUP, band]): 0.4 for band in range(24)}
        write_json(temporary / heuristic.FILE, {"threshold": 0.3, "prior": 0.2, "rates": rates})
        of = {"passed": passed, "model_digest": sha256(temporary / portable.TREES)}
        write_json(temporary / GATE_FILE, of)
        digests = {file.name: sha256(file) for file in sorted(temporary.iterdir())}
        write_json(temporary / MANIFEST_FILE, {"version": version, "threshold": 0.3, "files": digests})
    return registry.load(models_dir, version)


def publish_champion(models_dir: Path, version: int, seed: int) -> registry.Model:
    """Publish a small model and make it champion."""
    model = publish(models_dir, version, seed)
    registry.promote(models_dir, version, expected=registry.champion(models_dir))
    return model


def publish_as_champion(models_dir: Path, version: int, trees: bytes) -> None:
    """Publish another file in place of the trees, with digests that fit, and make it champion past every check."""
    good = registry.model_folder(models_dir, version - 1)
    with new_folder(registry.model_folder(models_dir, version)) as temporary:
        for name in (portable.TABLES, GOLDEN_FILE):
            (temporary / name).write_bytes((good / name).read_bytes())
        (temporary / portable.TREES).write_bytes(trees)
        digests = {file.name: sha256(file) for file in sorted(temporary.iterdir())}
        write_json(temporary / MANIFEST_FILE, {"version": version, "threshold": 0.3, "files": digests})
    registry._append(models_dir, "promote", registry.champion(models_dir), version, "past every check")


def endless(inputs: int) -> bytes:
    """A valid model that never ends: a loop whose condition stays true."""
    truth = helper.make_tensor("truth", TensorProto.BOOL, [], [True])
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Identity", ["row"], ["rows"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("row", TensorProto.DOUBLE, [None, inputs]),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, inputs]),
        ],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["", "truth", "features"], ["probability"], body=body)],
        "endless",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, inputs])],
        [helper.make_tensor_value_info("probability", TensorProto.DOUBLE, [None, inputs])],
        [truth],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def crashing(inputs: int, depth: int = 100_000) -> bytes:
    """A valid model that kills anyone who loads it: a tree so deep that the native code's stack ends."""

    def doubles(name: str, values: list[float]) -> TensorProto:
        return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)

    chain = helper.make_node(
        "TreeEnsemble",
        ["features"],
        ["probability"],
        domain="ai.onnx.ml",
        n_targets=1,
        tree_roots=[0],
        nodes_featureids=[0] * depth,
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [depth], [0] * depth),
        nodes_splits=doubles("splits", [0.5] * depth),
        nodes_truenodeids=[*range(1, depth), 0],
        nodes_trueleafs=[0] * (depth - 1) + [1],
        nodes_falsenodeids=[1] * depth,
        nodes_falseleafs=[1] * depth,
        leaf_targetids=[0, 0],
        leaf_weights=doubles("weights", [0.1, 0.2]),
    )
    graph = helper.make_graph(
        [chain],
        "crashing",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, inputs])],
        [helper.make_tensor_value_info("probability", TensorProto.DOUBLE, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return content


def features(models_dir: Path, version: int) -> int:
    """How many a version has."""
    return len(json.loads((registry.model_folder(models_dir, version) / portable.TABLES).read_text())["order"])
