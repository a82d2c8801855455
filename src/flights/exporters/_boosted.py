"""The default candidate with another library's trees: the same tables, sizes and monotonic constraints."""

from collections.abc import Callable
from typing import Any

from flights import model


def boosted(seed: int, make: Callable[[int, list[int]], Any]) -> Any:
    """An unfitted pipeline with the trees that `make` returns for the least rows of a leaf and the constraints."""
    from sklearn.pipeline import Pipeline

    default = model.candidate(seed)
    trees = make(default["trees"].min_samples_leaf, default["trees"].monotonic_cst)
    return Pipeline([("encode", default["encode"]), ("trees", trees)])
