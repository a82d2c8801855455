"""Publish an evaluated candidate as an immutable version, and promote it if the gate passed it."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from flights import model, portable, registry
from flights.artifacts import new_folder, read_json, sha256, write_json, write_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME, INPUTS
from flights.files import EVALUATION_FILE, GATE_FILE, METRICS_FILE, PROMOTION_FILE, REFERENCE_FILE, TRAIN_FIRST
from flights.model_files import write_manifest
from flights.plugins import hooks
from flights.registry import Promotion, PromotionRefused
from pipelines.evaluation.inputs import EvaluationInputs
from pipelines.evaluation.report import ModelMetrics

PLUGINS = "pipelines.extras"


@dataclass(frozen=True)
class Evaluation:
    """What a plug-in may write about."""

    version: int
    training: Mapping[str, Any]  # training.json
    report: Mapping[str, Any]  # gate.json
    metrics: Mapping[str, ModelMetrics]


def plugin_measurements(inputs: EvaluationInputs, metrics: Mapping[str, ModelMetrics]) -> dict[str, Any]:
    """What the plug-ins measure, for the report."""
    measured: dict[str, Any] = {}
    for measure in hooks(PLUGINS, "measure"):
        measured.update(measure(inputs, metrics))
    return measured


def reference_rows(inputs: EvaluationInputs) -> pd.DataFrame:
    """The holdout with the candidate's probabilities: the monitor compares the traffic with it.

    All rows: alert limits depend on how far one clean day is from another, and a sample would add its own noise.
    No personal columns: a published folder never changes, so nothing could be erased from it.
    """
    names = [column.name for column in INPUTS if not column.personal]
    ours = inputs.scores[model.CANDIDATE].probabilities
    return inputs.rows[names].assign(probability=ours, target=inputs.y_true).sort_values(EVENT_TIME)


def publish(
    settings: Settings,
    folder: Path,
    report: Mapping[str, Any],
    training: Mapping[str, Any],
    metrics: Mapping[str, ModelMetrics],
    reference: pd.DataFrame,
) -> int:
    """Register the candidate and publish its folder, whatever the gate's verdict; returns the version."""
    report = {**report, "model_digest": sha256(folder / portable.TREES)}  # the model that the gate judged
    registered = [register(settings, training, report) for register in hooks(PLUGINS, "register_version")]
    version = next(filter(None, registered), None) or next_version(settings.models_dir)
    target = registry.model_folder(settings.models_dir, version)
    with new_folder(target) as temporary:
        shutil.copytree(folder, temporary, dirs_exist_ok=True)
        write_parquet(temporary / REFERENCE_FILE, reference)
        write_json(temporary / GATE_FILE, report)
        write_json(temporary / METRICS_FILE, report["metrics"].get(model.CANDIDATE, {}))
        for write_report in hooks(PLUGINS, "write_report"):
            write_report(temporary, Evaluation(version, training, report, metrics))
        manifest = write_manifest(temporary, version, training)
        for published in hooks("flights.extras", "published"):
            published(manifest)
    for log_evaluation in hooks(PLUGINS, "log_evaluation"):
        log_evaluation(settings, training, version, report)
    return version


def next_version(models_dir: Path) -> int:
    """The number after the newest published version."""
    versions = registry.model_folder(models_dir, 0).parent.glob("[0-9]*")
    return max((int(path.name) for path in versions), default=0) + 1


def write_evaluation(settings: Settings, report: Mapping[str, Any], version: int) -> None:
    """Leave the report of a published version to `promote`."""
    write_json(settings.candidate_dir / EVALUATION_FILE, {**report, "version": version})


def promote_evaluated(settings: Settings, folder: Path | None = None) -> Promotion:
    """Make the evaluated version champion; `folder` has its evaluation, by default AS_OF's."""
    folder = folder or settings.candidate_dir
    report = read_json(folder / EVALUATION_FILE, TRAIN_FIRST)
    version = report["version"]
    verdict = registry.model_folder(settings.models_dir, version) / GATE_FILE
    if not read_json(verdict, TRAIN_FIRST)["passed"]:
        failures = [f"\n  {each['sentence']} But {each['failure']}." for each in report["checks"] if each["failure"]]
        raise PromotionRefused(f"the gate blocked version {version}, and the champion stays:{''.join(failures)}")
    if registry.champion(settings.models_dir) == version:  # promoted before, but interrupted before it was logged
        entry = registry.history(settings.models_dir)[-1]
    else:
        entry = registry.promote(settings.models_dir, version, expected=report["champion"])
    write_json(folder / PROMOTION_FILE, asdict(entry))
    return entry
