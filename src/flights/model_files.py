"""Files of a published model folder: the manifest with their digests, and the golden predictions."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from flights import portable
from flights.artifacts import read_json, sha256, write_json
from flights.columns import Columns
from flights.files import GOLDEN_FILE, MANIFEST_FILE, SIGNATURE_FILE, TRAIN_FIRST
from flights.plugins import hooks
from flights.rows import as_columns


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
    """Recompute a folder's golden predictions; a difference beyond the family's tolerance raises `ParityError`."""
    content = read_json(folder / GOLDEN_FILE, TRAIN_FIRST)
    ours, theirs = score(as_columns(content["inputs"])), np.array(content["probabilities"])
    portable.check_parity(ours, theirs, portable.tolerance(folder))


def verify(folder: Path) -> None:
    """Let the plug-ins check a folder first; MODEL_VERIFY_KEY without the plug-in that reads it raises ValueError."""
    checks = hooks("flights.extras", "verify")
    if os.environ.get("MODEL_VERIFY_KEY") and not checks:
        raise ValueError("MODEL_VERIFY_KEY is set, but flights/extras/signing.py is missing: restore it or unset it")
    for check in checks:
        check(folder)


def read_manifest(folder: Path, version: int) -> tuple[dict[str, Any], str]:
    """The checked manifest and its digest, after the plug-ins' checks; one of another version raises ValueError."""
    manifest = read_json(folder / MANIFEST_FILE, TRAIN_FIRST)
    verify(folder)
    check_manifest(manifest)
    if manifest["version"] != version:
        raise ValueError(f"expected version {version}, got the files of version {manifest['version']}")
    return manifest, sha256(folder / MANIFEST_FILE)


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Check types and ranges of what the registry reads from a manifest; any other value raises ValueError."""
    version, threshold, files = (manifest.get(name) for name in ("version", "threshold", "files"))
    if not _is_number(version, int) or version < 1:
        raise ValueError(f"{MANIFEST_FILE}: expected an integer from 1 as version, got {version!r:.50}")
    if not _is_number(threshold, int | float) or not 0 <= threshold <= 1:  # NaN is out of every range
        raise ValueError(f"{MANIFEST_FILE}: expected a number from 0 to 1 as threshold, got {threshold!r:.50}")
    if not isinstance(files, dict) or not all(
        isinstance(each, str) and re.fullmatch("[0-9a-f]{64}", each) for each in files.values()
    ):
        raise ValueError(f"{MANIFEST_FILE}: expected files with their SHA-256 digests, got {files!r:.50}")


def _is_number(value: Any, kind: Any) -> TypeGuard[float]:
    return isinstance(value, kind) and not isinstance(value, bool)


def check_files(folder: Path, digests: dict[str, str]) -> None:
    """Compare a folder's files with its manifest; one that is missing, altered or not in it raises ValueError."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for name in sorted((found | set(digests)) - {MANIFEST_FILE, SIGNATURE_FILE}):
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
