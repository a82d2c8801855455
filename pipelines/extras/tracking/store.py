"""The only module that uses MLflow: its store, runs, registered versions and aliases.

MLflow holds runs, metrics, plots, lineage and registered versions. It decides nothing: which version is champion is in
the history (see `flights/registry.py`). If an alias disagrees after a crash, the next `mirror_champion` corrects it.
"""

import contextlib
import fcntl
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flights import registry
from flights.config import NAME
from flights.files import CARD_FILE, CARD_PAGE, GATE_FILE, HOLDOUT_PLOT, SLICES_PLOT
from flights.log_url import file_url

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
PROCESS_TAG = "process"  # who a run belongs to: host and process id


def connect(models_dir: Path, setting: str = "") -> Any:
    """Return the `mlflow` module, set to the store and to this project's experiment.

    `setting` is the URI of a store; empty is SQLite below `models_dir`, created once by one of several processes.
    """
    mlflow = load_mlflow()
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "(?s).*Inferred schema contains integer column")  # ours are never missing
    with _locked(models_dir / ".mlflow.lock"):
        inherited = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(setting or _sqlite(models_dir / "mlflow.db"))
        if inherited is None:  # MLflow exports what it was told, and the next `Settings` would take it for a setting
            os.environ.pop("MLFLOW_TRACKING_URI", None)
        client = mlflow.MlflowClient()
        if client.get_experiment_by_name(NAME) is None:
            location = None if setting else (models_dir / "mlflow").resolve().as_uri()
            client.create_experiment(NAME, artifact_location=location)
    mlflow.set_experiment(NAME)
    return mlflow


def load_mlflow() -> Any:
    """Import MLflow without its telemetry and its notices."""
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    import mlflow

    return mlflow


def open_database(uri: str) -> None:
    """Fail at once if a database cannot be opened: MLflow would try for two minutes."""
    import sqlalchemy as sa

    if uri.partition("://")[0].partition("+")[0] in DATABASES:
        engine = sa.create_engine(uri)
        engine.connect().close()
        engine.dispose()


def check(mlflow: Any) -> None:
    """Write to the store: a server may answer and a file be readable that take nothing."""
    client = mlflow.MlflowClient()
    client.set_experiment_tag(client.get_experiment_by_name(NAME).experiment_id, "checked", "yes")


def end_abandoned_runs(mlflow: Any) -> int:
    """Mark runs of this machine's dead processes as killed: MLflow itself leaves them running."""
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(NAME).experiment_id
    running = client.search_runs([experiment], "attributes.status = 'RUNNING'")
    abandoned = [run for run in running if _is_dead(run.data.tags.get(PROCESS_TAG, ""))]
    for run in abandoned:
        client.set_terminated(run.info.run_id, "KILLED")
    return len(abandoned)


def process_tag() -> str:
    """Host and process ID, from which a later process sees whether this one still runs."""
    return f"{os.uname().nodename}:{os.getpid()}"


def register(mlflow: Any, model_uri: str, tags: dict[str, str], models_dir: Path) -> int:
    """Register a logged model; its number names the version everywhere.

    Numbers that have a folder are skipped: the store may be newer than the folders, for example on a volume that was
    filled from an image.
    """
    while True:
        with contextlib.redirect_stderr(io.StringIO()):  # it tells the person what the step's own line says
            version = int(mlflow.register_model(model_uri, NAME, tags=tags).version)
        if not registry.model_folder(models_dir, version).exists():
            return version
        mlflow.MlflowClient().delete_model_version(NAME, str(version))


def log_evaluation(mlflow: Any, run_id: str, version: int, models_dir: Path, report: Mapping[str, Any]) -> None:
    """Log metrics and published files to the candidate's run; a candidate that passed becomes challenger."""
    folder = registry.model_folder(models_dir, version)
    with mlflow.start_run(run_id=run_id):
        figures = report["metrics"].get("candidate", {})
        mlflow.log_metrics({f"holdout_{name}": figure["value"] for name, figure in figures.items()})
        mlflow.set_tags({"version": str(version), "gate": "passed" if report["passed"] else "blocked"})
        for name in (CARD_FILE, CARD_PAGE, GATE_FILE, HOLDOUT_PLOT, SLICES_PLOT):
            if (folder / name).is_file():  # the card and its plots are a plug-in's
                mlflow.log_artifact(str(folder / name))
    if report["passed"]:
        mlflow.MlflowClient().set_registered_model_alias(NAME, "challenger", str(version))


def mirror_champion(mlflow: Any, models_dir: Path) -> None:
    """Set MLflow's alias `champion` to the champion of the history, if this store has that version; idempotent."""
    version, client = registry.champion(models_dir), mlflow.MlflowClient()
    if version in {int(each.version) for each in client.search_model_versions(f"name = '{NAME}'")}:
        client.set_registered_model_alias(NAME, "champion", str(version))


def _sqlite(store: Path) -> str:
    """Create the store under a temporary name, if there is none: a crash half-way would leave it broken."""
    import mlflow

    if not store.exists():
        temporary = store.with_suffix(".creating")
        temporary.unlink(missing_ok=True)
        mlflow.MlflowClient(file_url(temporary.resolve())).search_experiments()
        temporary.rename(store)
    return file_url(store.resolve())


def _is_dead(tag: str) -> bool:
    host, _, pid = tag.rpartition(":")
    if host != os.uname().nodename:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    return False


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock; the kernel releases it when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
