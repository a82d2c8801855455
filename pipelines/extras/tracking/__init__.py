"""MLflow: a mirror of runs, plots, lineage, registered versions and aliases. It decides nothing.

Without this folder the loop runs in the same way: a candidate gets a name of its own, and versions are counted. So it
does if the store fails once `preflight` has found it good: that is a warning.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from flights.config import Settings
from pipelines.extras.tracking import runs, store
from pipelines.extras.tracking.patience import SECONDS, NoAnswer, mirrored, reason, within, without_password
from pipelines.training.fitting import Fit

__all__ = ["log_evaluation", "log_fits", "mirror_champion", "preflight", "register_version"]

AGAIN = "To repeat it, run `.venv/bin/python -m pipelines.extras.tracking`."
FIT_SECONDS = 600.0  # for the runs of all models
CREATE_SECONDS = 600.0  # for a store of our own, which is made when it is first used


def preflight(settings: Settings) -> None:
    """End the process with one line if the store cannot be written to, before anything is fitted."""
    store.load_mlflow()  # it takes seconds that are not the store's
    uri = settings.mlflow_tracking_uri
    try:
        with within(SECONDS if uri else CREATE_SECONDS):
            store.open_database(uri)
            store.check(store.connect(settings.models_dir, uri))
    except (Exception, NoAnswer) as error:
        own = settings.models_dir / "mlflow.db"
        sys.exit(
            f"MLFLOW_TRACKING_URI={without_password(uri) or own}: the store cannot be written to ({reason(error)}): "
            f"start or correct it, or leave the setting out to use {own}"
        )


def log_fits(
    settings: Settings, fits: Mapping[str, Fit], rows: pd.DataFrame, params: Mapping[str, Any], source: Path | None
) -> dict[str, dict[str, str]]:
    """Log every fitted model as a run; returns for each what its record says. `source` is the file of the rows."""
    logged = {}
    with mirrored("all runs", "To repeat it, fit again: `make -W pipelines/train.py train`.", FIT_SECONDS):
        mlflow = store.connect(settings.models_dir, settings.mlflow_tracking_uri)
        store.end_abandoned_runs(mlflow)
        dataset = runs.training_dataset(mlflow, source, rows) if source else None
        for name, fit in fits.items():
            every = {"model": name, **params, **runs.parameters(fit.pipeline)}
            logged[name] = runs.log_run(mlflow, name, fit, rows, every, dataset)
    return {
        name: {"mlflow_run": logged[name].run_id, "mlflow_model": logged[name].model_uri} if name in logged else {}
        for name in fits
    }


def register_version(settings: Settings, training: Mapping[str, Any], report: Mapping[str, Any]) -> int | None:
    """Register an evaluated candidate; returns its number, or None if training was not logged."""
    if "mlflow_model" not in training:
        return None
    tags = {"gate": "passed" if report["passed"] else "blocked"}
    with mirrored("the version", "To repeat it, evaluate again: `make -W pipelines/evaluate.py evaluate`."):
        mlflow = store.connect(settings.models_dir, settings.mlflow_tracking_uri)
        return store.register(mlflow, training["mlflow_model"], tags, settings.models_dir)
    return None


def log_evaluation(settings: Settings, training: Mapping[str, Any], version: int, report: Mapping[str, Any]) -> None:
    """Log the metrics and the published files of a version to the candidate's run."""
    if "mlflow_run" in training:
        with mirrored(f"the evaluation of version {version}", AGAIN, FIT_SECONDS):
            mlflow = store.connect(settings.models_dir, settings.mlflow_tracking_uri)
            store.log_evaluation(mlflow, training["mlflow_run"], version, settings.models_dir, report)


def mirror_champion(settings: Settings) -> None:
    """Set MLflow's alias `champion` to the champion of the history."""
    with mirrored("the champion's alias", AGAIN):
        store.mirror_champion(store.connect(settings.models_dir, settings.mlflow_tracking_uri), settings.models_dir)
