"""Store what the departure board needs to explain an answer, in each version before it is published.

For scikit-learn's boosted trees; a version of another family has no such file.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights import model, portable
from flights.extras.contributions import Leaves, write
from pipelines.evaluation.publish import Evaluation

Steps = dict[int, tuple[float, float, bool, float]]  # of each feature: low, high, missing, share


def write_report(folder: Path, _evaluation: Evaluation) -> None:
    """Write the leaves of the candidate's trees."""
    import skops.io  # two seconds, which `promote` does not need

    file = folder / f"{model.CANDIDATE}.skops"
    if not file.is_file():
        return
    fitted, slope, shift = portable.recalibration(skops.io.load(file, trusted=model.trusted_types()))
    trees = getattr(fitted, "named_steps", {}).get("trees")
    if type(trees).__name__ != "HistGradientBoostingClassifier":
        return
    columns = [name.split("__", 1)[-1] for name in fitted.named_steps["encode"].get_feature_names_out()]
    if columns == json.loads((folder / portable.TABLES).read_text())["order"]:  # each encoder makes one number of one
        write(folder, leaves_of(trees, slope, shift))


def leaves_of(trees: Any, slope: float = 1.0, shift: float = 0.0) -> Leaves:
    """Every leaf of scikit-learn's boosted trees, recalibrated."""
    found = [
        leaf
        for (predictor,) in trees._predictors  # noqa: SLF001 - it shows its trees nowhere else
        for leaf in walk(predictor.nodes, 0, {})
    ]
    shape = len(found), max(1, *(len(path) for path, _ in found))
    base = np.array(slope * float(trees._baseline_prediction.item()) + shift)  # noqa: SLF001
    value = slope * np.array([value for _, value in found])
    leaves = Leaves(
        np.zeros(shape, np.int64), np.full(shape, -np.inf), np.full(shape, np.inf), np.ones(shape, bool),
        np.ones(shape), value, base,
    )  # fmt: skip
    for place, (path, _) in enumerate(found):
        for position, (feature, (low, high, missing, share)) in enumerate(path.items()):
            leaves.feature[place, position], leaves.low[place, position] = feature, low
            leaves.high[place, position], leaves.missing[place, position] = high, missing
            leaves.share[place, position] = share
    return leaves


def walk(nodes: NDArray[Any], place: int, path: Steps) -> Iterator[tuple[Steps, float]]:
    """The path to each leaf below a node, and the leaf's value."""
    node = nodes[place]
    if node["is_leaf"]:
        yield path, float(node["value"])
        return
    feature, threshold = int(node["feature_idx"]), float(node["num_threshold"])
    low, high, missing, share = path.get(feature, (-np.inf, np.inf, True, 1.0))
    for child, is_left in ((int(node["left"]), True), (int(node["right"]), False)):
        limits = (low, min(high, threshold)) if is_left else (max(low, threshold), high)
        goes = missing and bool(node["missing_go_to_left"]) == is_left
        part = share * float(nodes[child]["count"] / node["count"])
        yield from walk(nodes, child, {**path, feature: (*limits, goes, part)})
