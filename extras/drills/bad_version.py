"""A next version that learned reversed labels: complete, verified, and promoted past the gate."""

import shutil

from flights import portable
from flights.artifacts import read_json, sha256, write_json
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.files import GATE_FILE, MANIFEST_FILE, TRAIN_FIRST
from flights.model import CANDIDATE
from flights.model_files import write_golden
from flights.registry import Model, load, model_folder, promote
from pipelines.evaluation.inputs import load_trained
from pipelines.rows import features_of, labelled_rows
from pipelines.training.candidate import golden_rows
from pipelines.training.recalibration import recalibrated


def reversed_version(settings: Settings, model: Model) -> Model:
    """Publish the version and make it champion, with a forged report of the gate."""
    rows = labelled_rows(settings, "validation")
    trees = portable.recalibration(load_trained(model.folder, CANDIDATE))[0]
    version, reversed_labels = model.version + 1, 1 - targets(rows)
    folder = shutil.copytree(model.folder, model_folder(settings.models_dir, version))
    portable.export(recalibrated(trees, features_of(rows), reversed_labels), folder)
    columns = as_arrays(golden_rows(rows))
    write_golden(folder, columns, portable.load(folder)(columns))
    write_json(folder / GATE_FILE, {"passed": True, "model_digest": sha256(folder / portable.TREES)})
    manifest = read_json(folder / MANIFEST_FILE, TRAIN_FIRST)
    files = {name: sha256(folder / name) for name in manifest["files"]}
    write_json(folder / MANIFEST_FILE, manifest | {"version": version, "files": files})
    promote(settings.models_dir, version, expected=model.version)
    return load(settings.models_dir, version)
