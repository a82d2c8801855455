"""MLflow: a mirror of runs, plots, lineage, registered versions and aliases. It decides nothing.

Without this folder the loop runs in the same way: a candidate gets a name of its own, and versions are counted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from flights.config import Settings
from pipelines.extras.tracking import runs, store
from pipelines.training.fitting import Fit

__all__ = ["log_evaluation", "log_fits", "mirror_champion", "register_version"]


def log_fits(
    settings: Settings, fits: Mapping[str, Fit], rows: pd.DataFrame, params: Mapping[str, Any], source: Path | None
) -> dict[str, dict[str, str]]:
    """Log every fitted model as a run; returns for each what its record says. `source` is the file of the rows."""
    mlflow = store.connect(settings.models_dir, settings.mlflow_tracking_uri)
    store.end_abandoned_runs(mlflow)
    dataset = runs.training_dataset(mlflow, source, rows) if source else None
    logged = {}
    for name, fit in fits.items():
        every = {"model": name, **params, **runs.parameters(fit.pipeline)}
        logged[name] = runs.log_run(mlflow, name, fit, rows, every, dataset)
    return {name: {"mlflow_run": each.run_id, "mlflow_model": each.model_uri} for name, each in logged.items()}


def register_version(settings: Settings, training: Mapping[str, Any], report: Mapping[str, Any]) -> int | None:
    """Register an evaluated candidate; returns its number, or None if training was not logged."""
    if "mlflow_model" not in training:
        return None
    mlflow = store.connect(settings.models_dir, settings.mlflow_tracking_uri)
    tags = {"gate": "passed" if report["passed"] else "blocked"}
    return store.register(mlflow, training["mlflow_model"], tags, settings.models_dir)


def log_evaluation(settings: Settings, training: Mapping[str, Any], version: int, report: Mapping[str, Any]) -> None:
    """Log the metrics and the published files of a version to the candidate's run."""
    if "mlflow_run" in training:
        mlflow = store.connect(settings.models_dir, settings.mlflow_tracking_uri)
        store.log_evaluation(mlflow, training["mlflow_run"], version, settings.models_dir, report)


def mirror_champion(settings: Settings) -> None:
    """Set MLflow's alias `champion` to the champion of the history."""
    store.mirror_champion(store.connect(settings.models_dir, settings.mlflow_tracking_uri), settings.models_dir)
