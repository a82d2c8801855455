"""Published models, verified on load, and the history of promotions: plain files, mirrored in MLflow by `tracking`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flights import history as histories
from flights import portable
from flights.artifacts import read_json, sha256
from flights.config import NAME
from flights.files import GATE_FILE, MANIFEST_FILE, TRAIN_FIRST
from flights.model_files import check_files, check_golden, read_manifest


class ModelRefused(RuntimeError):
    """A model folder differs from what was published."""


class PromotionRefused(RuntimeError):
    """The champion stays the same."""


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
class Promotion(histories.Entry):
    """One entry of the history: the old and the new champion, and the digests of its gate report and manifest."""

    action: str  # promote or rollback
    previous: int | None
    champion: int
    gate_digest: str
    manifest_digest: str = ""  # empty in an entry of an earlier release


def model_folder(models_dir: Path, version: int) -> Path:
    """Folder of a published version."""
    return models_dir / NAME / str(version)


def load(models_dir: Path, version: int) -> Model:
    """Verify a published version and load it.

    Raises
    ------
    ModelRefused
        The manifest, a file's digest or a golden prediction differs.
    """
    folder = model_folder(models_dir, version)
    try:
        manifest, digest = read_manifest(folder, version)
        for entry in history(models_dir):
            if entry.champion == version and entry.manifest_digest not in ("", digest):
                either = f"{MANIFEST_FILE} or {NAME}/history/{entry.sequence:06}.json"
                raise ValueError(f"{either}: altered after it was promoted: restore it from a backup")
        check_files(folder, manifest["files"])
        score = portable.load(folder)
        check_golden(folder, score)
    except Exception as error:
        raise ModelRefused(f"{folder}: {error}") from error
    return Model(version, digest, folder, float(manifest["threshold"]), manifest, score)


def history(models_dir: Path) -> list[Promotion]:
    """Every promotion and rollback, oldest first.

    Raises
    ------
    ModelRefused
        An entry cannot be read, so the champion is unknown.
    """
    try:
        return histories.entries(models_dir / NAME / "history", Promotion)
    except histories.UnreadableEntryError as error:
        raise ModelRefused(str(error)) from error


def champion(models_dir: Path) -> int | None:
    """The version that serves, or None before the first promotion."""
    promotions = history(models_dir)
    return promotions[-1].champion if promotions else None


def promote(models_dir: Path, version: int, *, expected: int | None) -> Promotion:
    """Make `version` champion if its gate report passed and `expected` is still champion: compare and swap.

    Raises
    ------
    PromotionRefused
        The gate did not pass this very model, or the champion has changed, so the comparison no longer holds.
    ModelRefused
        The version does not verify.
    """
    folder = load(models_dir, version).folder
    report = read_json(folder / GATE_FILE, TRAIN_FIRST) if (folder / GATE_FILE).is_file() else {}
    if report.get("passed") is not True:
        raise PromotionRefused(f"the gate did not pass version {version}: run `make evaluate`")
    if report.get("model_digest") != sha256(folder / portable.TREES):
        raise PromotionRefused(f"{folder / GATE_FILE}: the report is of another model: run `make evaluate`")
    return _append(models_dir, "promote", expected, version, sha256(folder / GATE_FILE))


def rollback(models_dir: Path) -> Promotion:
    """Make the previous champion champion again.

    Raises
    ------
    PromotionRefused
        There is no previous champion, or the champion has changed in the meantime.
    ModelRefused
        The previous champion does not verify.
    """
    trail: list[Promotion] = []  # the promotions not yet rolled back
    for entry in history(models_dir):
        trail = [*trail, entry] if entry.action == "promote" else trail[:-1]
    if len(trail) < 2:
        raise PromotionRefused("expected an earlier champion to go back to, there is none")
    target, current = trail[-2:]
    load(models_dir, target.champion)
    return _append(models_dir, "rollback", current.champion, target.champion, target.gate_digest)


def _append(models_dir: Path, action: str, expected: int | None, version: int, gate_digest: str) -> Promotion:
    promotions = history(models_dir)
    current = promotions[-1].champion if promotions else None
    if current != expected:
        raise PromotionRefused(f"expected champion {expected}, got {current}: run `make evaluate` to compare again")
    digests = {"gate_digest": gate_digest, "manifest_digest": sha256(model_folder(models_dir, version) / MANIFEST_FILE)}
    fields = {"action": action, "previous": current, "champion": version, **digests}
    try:
        return histories.append(models_dir / NAME / "history", len(promotions), Promotion, **fields)
    except histories.SequenceTakenError:
        raise PromotionRefused(f"champion {current} was replaced meanwhile: run `make evaluate`") from None
