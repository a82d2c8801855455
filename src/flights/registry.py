"""Challenger in, champion out: published model folders, verified on load, and the history of promotions.

Plain files, so the server finds and verifies the champion without MLflow; `tracking.py` mirrors the history there.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flights import portable
from flights.artifacts import read_json, sha256, write_json, write_new_json
from flights.config import NAME
from flights.dataset import Columns
from flights.plugins import hooks
from flights.rows import as_columns

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"  # of the manifest, so not in it
GOLDEN = "golden.json"
GATE = "gate.json"
TRAIN_FIRST = "run `make train`"


class ModelRefused(RuntimeError):
    """A model folder is not what was published, or does not answer what it answered then."""


class PromotionRefused(RuntimeError):
    """The champion stays who it is."""


@dataclass(frozen=True)
class Model:
    """A verified model: `score` takes input columns and returns the probability of a late arrival for each row."""

    version: int
    digest: str  # of the manifest, which holds the digest of every other file
    folder: Path
    threshold: float
    manifest: dict[str, Any]
    score: portable.Score
    served_by: str = "champion"  # what its answers are marked with


@dataclass(frozen=True)
class Promotion:
    """One line of the history: who followed whom as champion, when, and on the strength of which gate report."""

    sequence: int
    at: str
    action: str  # promote or rollback
    previous: int | None
    champion: int
    gate_digest: str


def model_folder(models_dir: Path, version: int) -> Path:
    """Where a published version lies."""
    return models_dir / NAME / str(version)


def load(models_dir: Path, version: int) -> Model:
    """Verify a published version and load it.

    Raises
    ------
    ModelRefused
        A file is missing or altered, something extra lies in the folder, or a golden prediction differs by over 1e-9.
    """
    folder = model_folder(models_dir, version)
    try:
        verify(folder)
        manifest = read_json(folder / MANIFEST, TRAIN_FIRST)
        _check_files(folder, manifest["files"])
        if manifest["version"] != version:
            raise ModelRefused(f"{folder}: expected version {version}, got the files of version {manifest['version']}")
        score = portable.load(folder)
        check_golden(folder, score)
    except ModelRefused:
        raise
    except Exception as error:
        raise ModelRefused(f"{folder}: {error}") from error
    return Model(version, sha256(folder / MANIFEST), folder, manifest["threshold"], manifest, score)


def verify(folder: Path) -> None:
    """Let the plug-ins check a model folder before anything in it is trusted.

    Raises
    ------
    ModelRefused
        MODEL_VERIFY_KEY is set, and the plug-in that reads it is missing.
    """
    checks = hooks("flights.extras", "verify")
    if os.environ.get("MODEL_VERIFY_KEY") and not checks:
        raise ModelRefused("MODEL_VERIFY_KEY is set, but flights/extras/signing.py is missing: restore it or unset it")
    for check in checks:
        check(folder)


def write_manifest(folder: Path, version: int, content: Mapping[str, Any]) -> Path:
    """Write the last file of a version: its number, what is known of it, and the digest of every other file."""
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    return write_json(folder / MANIFEST, {"version": version, **content, "files": files})


def write_golden(folder: Path, columns: Columns, probabilities: NDArray[np.float64]) -> None:
    """Store inputs with the probabilities that the trained model gave them."""
    rows = [{name: _plain(values[row]) for name, values in columns.items()} for row in range(len(probabilities))]
    content = {"inputs": rows, "probabilities": probabilities.tolist()}
    (folder / GOLDEN).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def check_golden(folder: Path, score: portable.Score) -> None:
    """Recompute a folder's golden predictions.

    Raises
    ------
    ParityError
        The code or the model has changed: a probability differs from the stored one by over 1e-9.
    """
    content = read_json(folder / GOLDEN, TRAIN_FIRST)
    portable.check_parity(score(as_columns(content["inputs"])), np.array(content["probabilities"]))


def history(models_dir: Path) -> list[Promotion]:
    """Every promotion and rollback, oldest first.

    Raises
    ------
    ModelRefused
        An entry cannot be read, so nobody can tell who the champion is.
    """
    return [_entry(file) for file in sorted((models_dir / NAME / "history").glob("[0-9]*.json"))]


def champion(models_dir: Path) -> int | None:
    """The version that serves, or None before the first promotion."""
    promotions = history(models_dir)
    return promotions[-1].champion if promotions else None


def promote(models_dir: Path, version: int, *, expected: int | None) -> Promotion:
    """Make `version` champion if its gate report says that it passed and `expected` still is: compare and swap.

    Raises
    ------
    PromotionRefused
        The gate did not pass this very model, or somebody else was faster: its comparison no longer holds.
    ModelRefused
        The version does not verify.
    """
    folder = load(models_dir, version).folder
    report = read_json(folder / GATE, TRAIN_FIRST) if (folder / GATE).is_file() else {}
    if report.get("passed") is not True:
        raise PromotionRefused(f"the gate did not pass version {version}: run `make evaluate`")
    if report.get("model_digest") != sha256(folder / portable.TREES):
        raise PromotionRefused(f"{folder / GATE}: the report is of another model: run `make evaluate`")
    return _append(models_dir, "promote", expected, version, sha256(folder / GATE))


def rollback(models_dir: Path) -> Promotion:
    """Make the champion's predecessor champion again.

    Raises
    ------
    PromotionRefused
        There is none, or somebody else moved the champion meanwhile.
    ModelRefused
        The predecessor does not verify.
    """
    trail: list[Promotion] = []  # the promotions not yet rolled back
    for entry in history(models_dir):
        if entry.action == "promote":
            trail.append(entry)
        else:
            trail.pop()
    if len(trail) < 2:
        raise PromotionRefused("expected an earlier champion to go back to, there is none")
    target, current = trail[-2:]
    load(models_dir, target.champion)
    return _append(models_dir, "rollback", current.champion, target.champion, target.gate_digest)


def _entry(file: Path) -> Promotion:
    try:
        return Promotion(**json.loads(file.read_text()))
    except (TypeError, ValueError) as error:
        raise ModelRefused(
            f"{file}: expected a promotion or rollback, got {error}: restore it from a backup"
        ) from error


def _append(models_dir: Path, action: str, expected: int | None, version: int, gate_digest: str) -> Promotion:
    promotions = history(models_dir)
    current = promotions[-1].champion if promotions else None
    if current != expected:
        raise PromotionRefused(
            f"expected champion {expected}, got {current}: compare with the new one, run `make evaluate`"
        )
    entry = Promotion(len(promotions) + 1, datetime.now(UTC).isoformat(), action, current, version, gate_digest)
    try:
        write_new_json(models_dir / NAME / "history" / f"{entry.sequence:06}.json", asdict(entry))
    except FileExistsError:
        raise PromotionRefused(f"champion {current} was replaced meanwhile: run `make evaluate`") from None
    return entry


def _check_files(folder: Path, digests: dict[str, str]) -> None:
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {
        MANIFEST,
        SIGNATURE,
    }
    for name in sorted(found | set(digests)):
        if name not in digests:
            raise ModelRefused(f"{folder / name}: not in the manifest")
        if name not in found:
            raise ModelRefused(f"{folder / name}: missing")
        if sha256(folder / name) != digests[name]:
            raise ModelRefused(f"{folder / name}: altered after it was published")


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
