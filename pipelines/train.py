"""Train: fit the baselines and the candidate, set the thresholds on validation, and export what can be served.

Never reads the holdout. Writes a candidate folder for `evaluate`; a plug-in logs one MLflow run per model.
"""

import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.progress import Progress

from flights import model, portable
from flights.artifacts import new_folder, write_json
from flights.config import Settings
from flights.dataset import ROWS, targets
from flights.evaluation import metrics
from flights.files import CANDIDATE_FILE, TRAIN_FILE
from flights.plugins import hooks
from flights.ranking import Vector, rank
from pipelines import check
from pipelines.rows import features_of, labelled_rows, local_days, summary_of, training_features
from pipelines.step import step
from pipelines.training.candidate import data_source, provenance, write_candidate
from pipelines.training.fitting import Fit, tuned_threshold
from pipelines.training.recalibration import log_odds, recalibrated, recalibration_trial


def main() -> None:
    """Train on one split and write a candidate."""
    settings = Settings.read()
    with step("train") as summary:
        for preflight in hooks("pipelines.extras", "preflight"):
            preflight(settings)
        train, validation = labelled_rows(settings, "train"), labelled_rows(settings, "validation")
        estimator = estimator_of(settings, train, validation)
        fits = fit_models(train, validation, settings.seed, estimator)
        for change_fits in hooks("pipelines.extras", "change_fits"):
            fits = change_fits(settings, fits, train, validation, estimator)
        origin = provenance(settings)
        logged = log_models(settings, fits, train, origin)
        folder = settings.candidate_dir / logged.get("mlflow_run", uuid.uuid4().hex)
        source = data_source(settings)
        with new_folder(folder) as temporary:
            record = {
                **origin,
                **check.record(temporary, train, validation),
                "data": {"source": source, "train": summary_of(train), "validation": summary_of(validation)},
                **logged,
                "estimator": estimator,
            }
            write_candidate(temporary, fits, validation, record)
        write_json(settings.candidate_dir / CANDIDATE_FILE, {"folder": folder.name})
        summary.read = f"{len(train):,} {ROWS} to train on, {len(validation):,} for validation"
        summary.wrote = f"{len(fits)} models to {folder} (fit in {sum(fit.seconds for fit in fits.values()):.1f} s)"


def estimator_of(settings: Settings, train: pd.DataFrame, validation: pd.DataFrame) -> str:
    """The candidate's family, which a plug-in may choose; one without an exporter is rejected before it is fitted."""
    chosen = [choose(settings, train, validation) for choose in hooks("pipelines.extras", "choose_estimator")]
    estimator = chosen[0] if chosen else model.HGB
    portable.exporter(model.build_model(estimator, settings.seed))
    return estimator


def fit_models(train: pd.DataFrame, validation: pd.DataFrame, seed: int, family: str = model.HGB) -> dict[str, Fit]:
    """Every baseline and the candidate, fitted on train and measured on validation."""
    X_train, y_train = features_of(train), targets(train)
    X_valid, y_valid = features_of(validation), targets(validation)
    fits = {}
    with Progress(transient=True, disable=not sys.stdout.isatty()) as progress:
        for name in progress.track(model.MODELS, description="fit"):
            start = time.perf_counter()
            features = training_features(train, seed) if name == model.CANDIDATE else X_train
            pipeline = model.build_model(family if name == model.CANDIDATE else name, seed).fit(features, y_train)
            seconds = time.perf_counter() - start
            trial: dict[str, Any] = {}
            if name == model.CANDIDATE:
                trial = recalibration_trial(log_odds(pipeline, X_valid), y_valid, local_days(validation), seed)
                trial["kept"] = trial["kept"] and hasattr(pipeline, "decision_function")
                if trial["kept"]:
                    pipeline = recalibrated(pipeline, X_valid, y_valid)
            fits[name] = measured_fit(pipeline, X_valid, y_valid, seconds, trial)
    return fits


def measured_fit(
    pipeline: Any, X_valid: pd.DataFrame, y_valid: Vector, seconds: float, trial: Mapping[str, Any]
) -> Fit:
    """A fitted model with its threshold and its metrics on validation."""
    threshold = tuned_threshold(pipeline, X_valid, y_valid)
    ranked = rank(y_valid, pipeline.predict_proba(X_valid)[:, 1], threshold)
    return Fit(pipeline, threshold, metrics(ranked), seconds, trial)


def log_models(
    settings: Settings, fits: Mapping[str, Fit], train: pd.DataFrame, origin: dict[str, Any]
) -> dict[str, str]:
    """Let the plug-ins log every model; returns what the candidate's record says of that."""
    logged: dict[str, str] = {}
    for log_fits in hooks("pipelines.extras", "log_fits"):
        logged.update(log_fits(settings, fits, train, origin, settings.splits_dir / TRAIN_FILE)[model.CANDIDATE])
    return logged


if __name__ == "__main__":
    main()
