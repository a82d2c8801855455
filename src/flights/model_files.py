"""Files of a published model folder: the manifest with their digests, and the golden predictions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights import portable
from flights.artifacts import read_json, sha256, write_json
from flights.columns import Columns
from flights.contract import as_columns
from flights.files import GOLDEN_FILE, MANIFEST_FILE, TRAIN_FIRST
from flights.signature import SIGNATURE


def write_manifest(folder: Path, version: int, content: Mapping[str, Any]) -> Path:
    """Write the manifest, last: version number, metadata, and the digest of every other file."""
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    return write_json(folder / MANIFEST_FILE, {"version": version, **content, "files": files})


def write_golden(folder: Path, columns: Columns, probabilities: NDArray[np.float64]) -> None:
    """Store inputs with the probabilities that the trained model gave them."""
    rows = [{name: _plain(values[row]) for name, values in columns.items()} for row in range(len(probabilities))]
    content = {"inputs": rows, "probabilities": probabilities.tolist()}
    (folder / GOLDEN_FILE).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def check_golden(folder: Path, score: portable.Score) -> None:
    """Recompute a folder's golden predictions.

    Raises
    ------
    ParityError
        The code or the model has changed: a probability differs from the stored one by over 1e-9.
    """
    content = read_json(folder / GOLDEN_FILE, TRAIN_FIRST)
    portable.check_parity(score(as_columns(content["inputs"])), np.array(content["probabilities"]))


def check_files(folder: Path, digests: dict[str, str]) -> None:
    """Compare a folder's files with the digests of its manifest.

    Raises
    ------
    ValueError
        A file is missing, altered, or not in the manifest.
    """
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for name in sorted((found | set(digests)) - {MANIFEST_FILE, SIGNATURE}):
        if name not in digests:
            raise ValueError(f"{name}: not in the manifest")
        if name not in found:
            raise ValueError(f"{name}: missing")
        if sha256(folder / name) != digests[name]:
            raise ValueError(f"{name}: altered after it was published")


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
