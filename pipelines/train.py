"""Train: fit the baselines and the candidate, set the thresholds on validation, and export what can be served.

Never touches the holdout. Leaves a candidate folder (the portable model, golden predictions, scikit-learn's
models of record, the digests of all rows seen) for `evaluate`, and one MLflow run per model.
"""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from rich.progress import Progress

from flights import heuristic, model, portable, tracking
from flights.artifacts import new_folder, read_json, sha256, write_json
from flights.config import Settings
from flights.contract import as_arrays, schema_digest
from flights.dataset import EVENT_TIME, INPUTS, ROWS, targets
from flights.evaluation import decision_cost, metrics
from flights.feature_set import build_features
from flights.files import CANDIDATE_FILE, MANIFEST_FILE, TRAIN_FILE, TRAINING_FILE
from flights.model_files import check_golden, write_golden
from flights.ranking import Vector, rank
from pipelines import calibration
from pipelines.holdout import write_seen
from pipelines.split import labelled, local_days
from pipelines.step import step

GOLDEN_ROWS = 100
UNSEEN = "?"  # a category that no training saw
THRESHOLDS = 200  # tried, evenly spaced
LOCK = Path("requirements.lock")


@dataclass(frozen=True)
class Fit:
    """A fitted model with its validation results."""

    pipeline: Any
    threshold: float
    validation: Mapping[str, float]
    seconds: float
    recalibration: Mapping[str, Any] = field(default_factory=dict)  # what was tried on validation, and what came of it


def main() -> None:
    """Train on one split and leave a candidate."""
    settings = Settings()
    with step("train") as said:
        train, validation = (labelled(settings, part) for part in ("train", "validation"))
        fits = fitted_models(train, validation, settings.seed)
        origin = provenance(settings)
        logged = logged_models(settings, fits, train, origin)[model.CANDIDATE]
        folder = settings.candidate_dir / logged.run_id
        with new_folder(folder) as temporary:
            seen = write_seen(temporary, train, validation)
            data = {"source": source(settings), "train": described(train), "validation": described(validation)}
            record = {**origin, **seen, "data": data, "mlflow_run": logged.run_id, "mlflow_model": logged.model_uri}
            write_candidate(temporary, fits, validation, record)
        write_json(settings.candidate_dir / CANDIDATE_FILE, {"folder": logged.run_id})
        said.read = f"{len(train):,} {ROWS} to learn from, {len(validation):,} to set thresholds"
        said.wrote = f"{len(fits)} models to {folder} (fit in {sum(fit.seconds for fit in fits.values()):.1f} s)"


def features_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The models' view of some rows."""
    return pd.DataFrame(build_features(as_arrays(rows)))


def lessons(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What the candidate learns from: the same rows, in some of which a feed is silent."""
    return pd.DataFrame(build_features(model.with_feed_outages(as_arrays(rows), seed)))


def fitted_models(train: pd.DataFrame, validation: pd.DataFrame, seed: int) -> dict[str, Fit]:
    """Every baseline and the candidate, fitted on train and measured on validation."""
    unseen, truth = features_of(validation), targets(validation)
    features, learned = features_of(train), targets(train)
    fits = {}
    with Progress(transient=True, disable=not sys.stdout.isatty()) as progress:
        for name in progress.track(model.MODELS, description="fit"):
            start = time.perf_counter()
            seen = lessons(train, seed) if name == model.CANDIDATE else features
            pipeline = model.build_model(name, seed).fit(seen, learned)
            seconds = time.perf_counter() - start
            record: dict[str, Any] = {}
            if name == model.CANDIDATE:
                record = calibration.record(pipeline.decision_function(unseen), truth, local_days(validation), seed)
                if record["kept"]:
                    pipeline = calibration.recalibrated(pipeline, unseen, truth)
            probabilities = pipeline.predict_proba(unseen)[:, 1]
            constant = np.ptp(probabilities) == 0  # has one decision to offer, and nothing to tune
            threshold = probabilities[0] if constant else tuned_threshold(pipeline, unseen, truth)
            found = metrics(rank(truth, probabilities, threshold))
            fits[name] = Fit(pipeline, threshold, found, seconds, record)
    return fits


def tuned_threshold(pipeline: Any, features: pd.DataFrame, truth: Vector) -> float:
    """The decision threshold with the lowest cost on these rows: validation, never the holdout."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.metrics import make_scorer
    from sklearn.model_selection import TunedThresholdClassifierCV

    tuning = TunedThresholdClassifierCV(
        FrozenEstimator(pipeline),
        scoring=make_scorer(decision_cost, greater_is_better=False),
        response_method="predict_proba",
        thresholds=THRESHOLDS,
        cv="prefit",
        refit=False,
    )
    return float(tuning.fit(features, truth).best_threshold_)


def provenance(settings: Settings) -> dict[str, Any]:
    """Everything that decided what the model became."""
    return {
        "as_of": str(settings.as_of),
        "seed": settings.seed,
        "git_commit": git("rev-parse", "HEAD") or settings.git_commit,
        "git_dirty": bool(git("status", "--porcelain")),
        "data_digest": sha256(settings.splits_dir / MANIFEST_FILE),
        "schema_digest": schema_digest(),
        "lock_digest": sha256(LOCK),
        "python": platform.python_version(),
    }


def source(settings: Settings) -> str:
    """The source of the rows with its version, as collect left it on record."""
    path = settings.raw_dir / MANIFEST_FILE
    found = read_json(path, "run `make collect`").get("source", "") if path.is_file() else ""
    return " ".join(map(str, found.values() if isinstance(found, dict) else [found])) or "not recorded"


def described(rows: pd.DataFrame) -> dict[str, Any]:
    """Size, share that was positive, and reach of some rows."""
    times = rows[EVENT_TIME]
    return {"rows": len(rows), "late": float(targets(rows).mean()), "first": str(times.min()), "last": str(times.max())}


def git(*arguments: str) -> str:
    """What git says, or where there is none, as in a container, GIT_COMMIT; code that nobody knows is uncommitted."""
    if shutil.which("git") is None:
        commit, _, changes = (os.environ.get("GIT_COMMIT") or "-unknown").partition("-")
        return commit if "HEAD" in arguments else changes
    answer = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def write_candidate(folder: Path, fits: Mapping[str, Fit], validation: pd.DataFrame, origin: dict[str, Any]) -> None:
    """Write everything that evaluation and serving need of a training."""
    candidate = fits[model.CANDIDATE]
    portable.export(candidate.pipeline, folder)
    score = portable.load(folder)
    columns = as_arrays(validation)
    probabilities = candidate.pipeline.predict_proba(features_of(validation))[:, 1]
    portable.check_parity(score(columns), probabilities)
    golden = golden_rows(validation)
    write_golden(folder, as_arrays(golden), candidate.pipeline.predict_proba(features_of(golden))[:, 1])
    check_golden(folder, score)
    if rule := fits.get(model.RULE):
        heuristic.export(rule.pipeline, rule.threshold, folder)
        said = rule.pipeline.predict_proba(features_of(validation))[:, 1]
        portable.check_parity(heuristic.load(folder).score(columns), said)
    for name, fit in fits.items():
        skops.io.dump(fit.pipeline, folder / f"{name}.skops")
    content = {"threshold": candidate.threshold, "thresholds": {name: fit.threshold for name, fit in fits.items()}}
    write_json(
        folder / TRAINING_FILE,
        content
        | {"fit_seconds": round(candidate.seconds, 2), "features": len(features_of(golden).columns)}
        | {"recalibration": candidate.recalibration}
        | origin,
    )


def golden_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows from all over a frame; the last tenth with an unseen category, and with everything missing that may be."""
    picked = rows.iloc[np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(int)].reset_index(drop=True)
    odd = picked.index >= GOLDEN_ROWS * 9 // 10
    for column in INPUTS:
        if column.nullable:
            picked.loc[odd, column.name] = None
        elif column.pattern:
            picked.loc[odd, column.name] = UNSEEN
        if column.personal:  # a published folder never changes, so it could not forget
            picked[column.name] = None if column.nullable else column.example
    return picked


def logged_models(
    settings: Settings, fits: Mapping[str, Fit], train: pd.DataFrame, origin: dict[str, Any]
) -> dict[str, Any]:
    """Log every model as an MLflow run: parameters, metrics, the data's lineage, the model with its signature."""
    mlflow = tracking.connect(settings.models_dir, settings.mlflow_tracking_uri)
    tracking.end_abandoned_runs(mlflow)
    source = settings.splits_dir / TRAIN_FILE
    origin_of_rows = mlflow.data.sources.LocalArtifactDatasetSource(str(source))
    dataset = mlflow.data.from_pandas(train, origin_of_rows, name="train", digest=sha256(source)[:36])
    example = features_of(train.head(1000))
    logged = {}
    for name, fit in fits.items():
        with mlflow.start_run(run_name=name, tags={tracking.PROCESS_TAG: tracking.process_tag()}):
            mlflow.log_params({"model": name, "threshold": fit.threshold, **origin, **parameters(fit.pipeline)})
            mlflow.log_metrics({f"validation_{key}": value for key, value in fit.validation.items()})
            mlflow.log_metric("fit_seconds", fit.seconds)
            mlflow.log_input(dataset, context="training")
            logged[name] = mlflow.sklearn.log_model(
                fit.pipeline,
                name="model",
                signature=mlflow.models.infer_signature(example, fit.pipeline.predict_proba(example)[:, 1]),
                skops_trusted_types=model.TRUSTED_TYPES,
                pip_requirements=[str(LOCK)],
            )
    return logged


def parameters(pipeline: Any) -> dict[str, Any]:
    """The last step's parameters: what distinguishes one fit from another."""
    pipeline = calibration.without(pipeline)
    last = pipeline[-1] if hasattr(pipeline, "__getitem__") else pipeline
    found: dict[str, Any] = last.get_params()
    return found


if __name__ == "__main__":
    main()
