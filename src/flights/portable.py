"""The fitted candidate as data without code: an ONNX file, and its encoding tables as JSON.

Trained with any library, served without it: the same probabilities to the family's tolerance, and nothing can run.
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
from flights.model import EXPORTERS
from flights.plugins import load_plugins

TREES = "model.onnx"
TABLES = "encodings.json"
TOLERANCE, MAX_TOLERANCE = 1e-9, 1e-6  # differences that count as the same: usually, and what a family may declare

Score = Callable[[Columns], NDArray[np.float64]]


class NoExporterError(TypeError):
    """The candidate is of a family that no exporter writes."""


class ParityError(ValueError):
    """The exported model's probabilities differ from the trained model's."""


def export(pipeline: Any, folder: Path) -> None:
    """Write a fitted candidate, recalibrated or not, to `folder` with the exporter of its family."""
    fitted, slope, shift = recalibration(pipeline)
    exporter(fitted).export(fitted, folder, slope, shift)


def exporter(pipeline: Any) -> Any:
    """The plug-in for the family of a pipeline, fitted or not; without one, `NoExporterError` names the family."""
    for each in load_plugins(EXPORTERS):
        if each.can_export(pipeline):
            return each
    family = type(getattr(pipeline, "steps", [(pipeline,)])[-1][-1]).__name__
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


def tolerance(folder: Path) -> float:
    """The largest difference from the trained model's probabilities that an exported model's family allows."""
    return min(MAX_TOLERANCE, float(json.loads((folder / TABLES).read_text()).get("tolerance", TOLERANCE)))


def check_parity(ours: NDArray[np.float64], theirs: NDArray[np.float64], limit: float = TOLERANCE) -> float:
    """Return the largest difference between portable and trained probabilities; fail above the limit."""
    difference = float(np.max(np.abs(ours - theirs)))
    if math.isnan(difference) or difference > limit:
        raise ParityError(
            f"expected the trained model's probabilities to {limit:g}, got a difference of {difference:g}"
        )
    return difference


def recalibration(model: Any) -> tuple[Any, float, float]:
    """The uncalibrated model, and the recalibration's slope and shift of the log-odds."""
    if not hasattr(model, "calibrated_classifiers_"):
        return model, 1.0, 0.0
    (calibrated,) = model.calibrated_classifiers_
    (sigmoid,) = calibrated.calibrators
    return calibrated.estimator.estimator, -float(sigmoid.a_), -float(sigmoid.b_)
