"""Contributions of the features to an answer, computed without training libraries from a file in the model folder.

For each leaf of the trees the file holds its value and, for each feature on its path, the interval that leads to the
leaf and the share of the training rows that took it. With a set S of features known, a leaf counts as the product of
1 or 0 over S (the row is inside, or not) and of the shares over the others: path-dependent TreeSHAP.
"""

import json
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flights.artifacts import read_json, sha256
from flights.columns import Columns
from flights.feature_set import build_features
from flights.files import MANIFEST_FILE
from flights.portable import TABLES, TOLERANCE
from flights.rows import as_columns

FILE = "contributions.npz"
Numbers = NDArray[np.float64]


class Leaves(NamedTuple):
    """All leaves of a model, shape `(leaves, features on the longest path)`; `value` and `base` are log-odds."""

    feature: NDArray[np.int64]
    low: Numbers  # exclusive
    high: Numbers  # inclusive
    missing: NDArray[np.bool_]  # whether a missing value leads to the leaf
    share: Numbers  # of the training rows; 1 where the path has no more features
    value: Numbers  # shape `(leaves,)`
    base: Numbers  # shape `()`: what is added to the leaves of a row


class WrongFile(ValueError):
    """The file is not the one of the model that answered, so its contributions are not shown."""


def write(folder: Path, leaves: Leaves) -> None:
    """Write the leaves to a model's folder."""
    np.savez_compressed(folder / FILE, allow_pickle=False, **leaves._asdict())


@lru_cache(256)  # an open page asks every few seconds
def explained(models: Path, version: int, digest: str, inputs: str, served: float) -> dict[str, Any] | None:
    """Base and contributions of a logged prediction, in log-odds, and features; None if its model has no such file.

    Raises
    ------
    WrongFile
        A file is not of the model that answered, or the contributions do not add up to what was served.
    """
    folder = models / str(version)
    if not (folder / FILE).is_file():
        return None
    leaves, tables = verified(folder, digest)
    features = build_features(as_columns([json.loads(inputs)]))
    base, values = contributions(leaves, encoded(tables, features))
    total = 1 / (1 + np.exp(-(base + values.sum())))
    if not abs(total - served) <= TOLERANCE:
        raise WrongFile(f"they add up to {total:.6f}, and {served:.6f} was served: the features may have changed since")
    return {
        "base": base,
        "contributions": dict(zip(tables["order"], values.tolist(), strict=True)),
        "features": {name: plain(features[name][0]) for name in tables["order"]},
    }


@lru_cache(2)
def verified(folder: Path, digest: str) -> tuple[Leaves, dict[str, Any]]:
    """The leaves and the encodings of the model whose manifest has this digest.

    Raises
    ------
    WrongFile
        The manifest is of another model, or a file differs from its digest in it.
    """
    manifest = folder / MANIFEST_FILE
    if sha256(manifest) != digest:
        raise WrongFile(f"{folder.name}/{MANIFEST_FILE} is not of the model that answered")
    files = read_json(manifest, "restore it")["files"]
    for name in (FILE, TABLES):
        if sha256(folder / name) != files.get(name):
            raise WrongFile(f"{folder.name}/{name} is not the file that was published")
    with np.load(BytesIO((folder / FILE).read_bytes())) as content:
        return Leaves(**{name: content[name] for name in Leaves._fields}), json.loads((folder / TABLES).read_text())


def plain(value: Any) -> str | float | None:
    """A feature as JSON has it."""
    return value if value is None or isinstance(value, str) else None if np.isnan(value) else float(value)


def encoded(tables: dict[str, Any], features: Columns) -> Numbers:
    """The features of one row as the trees read them, shape `(features,)`."""
    unknown, row = tables["unknown"], np.empty(len(tables["order"]))
    for position, name in enumerate(tables["order"]):
        value, table = features[name][0], tables["tables"].get(name)
        if table is None:
            row[position] = value
        elif value is None:
            row[position] = tables.get("missing", {}).get(name, unknown)
        else:
            row[position] = table.get(value, unknown)
    return row


def contributions(leaves: Leaves, row: Numbers) -> tuple[float, Numbers]:
    """The base (no feature is known) and what each feature adds to it.

    A Shapley value is the integral from 0 to 1 of the gain of a feature if each other is known with probability p. That
    is a polynomial in p, which Gauss-Legendre integrates exactly with half as many points as it has coefficients.
    """
    read = row[leaves.feature]
    inside = np.where(np.isnan(read), leaves.missing, (read > leaves.low) & (read <= leaves.high)).astype(float)
    gain = np.zeros_like(leaves.share)
    points, weights = np.polynomial.legendre.leggauss(leaves.share.shape[1] // 2 + 1)
    for p, weight in zip((points + 1) / 2, weights / 2, strict=True):
        terms = p * inside + (1 - p) * leaves.share  # above 0, because 0 < p < 1 and each share is above 0
        gain += weight * np.prod(terms, axis=1, keepdims=True) / terms
    gain *= (inside - leaves.share) * leaves.value[:, None]
    base = float(leaves.base + leaves.value @ np.prod(leaves.share, axis=1))
    added = np.zeros_like(row)
    np.add.at(added, leaves.feature, gain)
    return base, added
