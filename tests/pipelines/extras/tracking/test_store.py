"""MLflow's store survives concurrent first starts, and no run of a dead process stays running."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flights import registry
from flights.artifacts import read_json
from flights.config import NAME
from flights.dataset import INPUTS
from flights.files import CARD_FILE, CARD_PAGE, GATE_FILE, HOLDOUT_PLOT, SLICES_PLOT
from pipelines.extras.tracking import store
from pipelines.extras.tracking.runs import EXAMPLE_ROWS

PUBLISHED = (GATE_FILE, CARD_FILE, CARD_PAGE, HOLDOUT_PLOT, SLICES_PLOT)
IMPORTS = "import sys; from pathlib import Path; from pipelines.extras.tracking import store"
CONNECT = f"{IMPORTS}; store.connect(Path(sys.argv[1]))"


@pytest.fixture(scope="module")
def mlflow(trained: Path):
    """MLflow, connected to the training's store."""
    return store.connect(trained / "3_models")


@pytest.mark.heavy
def test_first_starts_at_the_same_time_leave_one_good_store(tmp_path):
    """Four processes start on an empty folder: all succeed, and the store works."""
    processes = [subprocess.Popen([sys.executable, "-c", CONNECT, str(tmp_path)]) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    assert not list(tmp_path.glob("*.creating*"))
    assert subprocess.run([sys.executable, "-c", CONNECT, str(tmp_path)], check=False).returncode == 0


def test_the_store_of_runs_opens_in_such_a_folder(tmp_path):
    """MLflow's SQLite file is in that folder, though MLflow makes an empty one of the encoded name, too."""
    store.connect(tmp_path / "100%25 #?ä")
    assert [path.parent.name for path in tmp_path.rglob("*.db")] == ["100%25 #?ä"]


@pytest.mark.heavy
def test_a_killed_first_start_does_not_break_the_next(tmp_path):
    """A half-made store has another name, and is made again."""
    (tmp_path / "mlflow.creating").write_bytes(b"half a database")
    assert subprocess.run([sys.executable, "-c", CONNECT, str(tmp_path)], check=False).returncode == 0


@pytest.mark.ml_test_score("M1")
def test_every_model_has_a_run_with_its_lineage(mlflow):
    """Parameters, validation metrics, the data's digest, the model and its signature."""
    runs = {run.data.params["model"]: run for run in mlflow.search_runs(output_format="list")}
    assert set(runs) == {"prior", "heuristic", "tree", "logistic", "candidate"}
    for run in runs.values():
        assert run.info.status == "FINISHED"
        assert {"seed", "git_commit", "data_digest", "lock_digest", "threshold"} <= set(run.data.params)
        assert "validation_brier" in run.data.metrics
        dataset = run.inputs.dataset_inputs[0].dataset
        assert dataset.digest
        assert {column["name"] for column in json.loads(dataset.schema)["mlflow_colspec"]} >= {
            column.name for column in INPUTS
        }
        assert json.loads(dataset.profile)["num_rows"] > EXAMPLE_ROWS  # of all rows, not of the schema's
    assert "holdout_roc_auc" in runs["candidate"].data.metrics


def test_the_aliases_say_what_the_history_says(mlflow, trained):
    """Champion and challenger resolve to the version that was promoted."""
    client = mlflow.MlflowClient()
    store.mirror_champion(mlflow, trained / "3_models")
    for alias in ("champion", "challenger"):
        version = client.get_model_version_by_alias(NAME, alias)
        assert int(version.version) == registry.champion(trained / "3_models")
        assert version.tags["gate"] == "passed"


def test_the_model_of_record_loads_from_mlflow(mlflow):
    """The registered model is the scikit-learn pipeline, with its signature."""
    loaded = mlflow.sklearn.load_model(f"models:/{NAME}@champion")
    assert hasattr(loaded, "predict_proba")
    assert mlflow.models.get_model_info(f"models:/{NAME}@champion").signature


def test_the_reports_of_the_plug_ins_are_in_the_run(mlflow, trained, tmp_path):
    """Of the run's newest evaluation: the card as text and as a page, and its pictures, if there is a card."""
    folder = registry.model_folder(trained / "3_models", 1)
    run = read_json(folder / "manifest.json", "")["mlflow_run"]
    logged = {each.path for each in mlflow.MlflowClient().list_artifacts(run)}
    assert {each for each in PUBLISHED if (folder / each).is_file()} <= logged
    kept = mlflow.artifacts.download_artifacts(run_id=run, artifact_path=GATE_FILE, dst_path=str(tmp_path / "mlflow"))
    assert {"passed", "checks"} <= set(read_json(Path(kept), ""))


def test_a_number_that_a_folder_has_is_passed_over(a_copy):
    """A store younger than the folders: the new version gets a free number, and no alias points at a stranger."""
    models = a_copy / "3_models"
    mlflow = store.connect(models)
    model = registry.load(models, 1).manifest["mlflow_model"]
    (models / NAME / "2").mkdir()
    client = mlflow.MlflowClient()
    assert store.register(mlflow, model, {}, models) == 3
    assert sorted(int(each.version) for each in client.search_model_versions(f"name = '{NAME}'")) == [1, 3]
    client.delete_model_version(NAME, "1")  # as where the champion came from elsewhere
    store.mirror_champion(mlflow, models)
    assert "champion" not in client.get_registered_model(NAME).aliases


def test_runs_of_dead_processes_are_ended(a_copy):
    """SIGKILL leaves a run running for ever; the next training marks it killed, and leaves living ones alone."""
    mlflow = store.connect(a_copy / "elsewhere")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    client, experiment = mlflow.MlflowClient(), mlflow.get_experiment_by_name(NAME).experiment_id
    host = os.uname().nodename
    tags = {"dead": f"{host}:{dead.pid}", "alive": f"{host}:{os.getpid()}", "elsewhere": "another-host:1"}
    runs = {
        name: client.create_run(experiment, tags={store.PROCESS_TAG: tag}).info.run_id for name, tag in tags.items()
    }
    assert store.end_abandoned_runs(mlflow) == 1
    statuses = {name: client.get_run(run).info.status for name, run in runs.items()}
    assert statuses == {"dead": "KILLED", "alive": "RUNNING", "elsewhere": "RUNNING"}
