"""The fitted candidate as data without code: an ONNX file, and its encoding tables as JSON.

Trained with scikit-learn, served without it: the same probabilities to 1e-9, from a file that cannot run anything.
An exporter for each family of estimators, in `exporters/`, writes the files.
"""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights.columns import Columns
from flights.feature_set import build_features
from flights.plugins import load_plugins

EXPORTERS = "flights.exporters"  # the package of the plug-ins
TREES = "model.onnx"
TABLES = "encodings.json"
TOLERANCE = 1e-9  # the largest difference from scikit-learn's probability that still counts as the same

Score = Callable[[Columns], NDArray[np.float64]]


class NoExporterError(TypeError):
    """The candidate is of a family that no exporter writes."""


class ParityError(ValueError):
    """The exported model's probabilities differ from scikit-learn's."""


def export(pipeline: Any, folder: Path) -> None:
    """Write a fitted candidate, recalibrated or not, to `folder` with the exporter of its family.

    Raises
    ------
    NoExporterError
        No module in `flights/exporters/` knows this family.
    """
    fitted, slope, shift = recalibration(pipeline)
    for exporter in load_plugins(EXPORTERS):
        if exporter.can_export(fitted):
            exporter.export(fitted, folder, slope, shift)
            return
    family = type(fitted).__name__
    raise NoExporterError(f"no exporter for {family} in src/flights/exporters: add one, or train another model")


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
