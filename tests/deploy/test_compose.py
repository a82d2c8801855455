"""compose.yaml as it is: everything starts in order, gets healthy, and one setting sends the runs there."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from flights import registry, tracking
from flights.config import NAME
from flights.registry import Model
from serving.request import example
from tests.deploy.conftest import ROOT, docker
from tests.serving.running import free_port

pytestmark = pytest.mark.heavy

PROJECT = "ml-loop-test"
STANDINS = {"postgres:17": "postgres.Dockerfile", "prom/prometheus:v3.5.0": "prometheus.Dockerfile"}
SECRETS = {"POSTGRES_PASSWORD": "known-to-the-test", "PSEUDONYM_KEY": "ab" * 32}


@dataclass
class Stack:
    """Where everything answers."""

    environment: dict[str, str]

    def compose(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run docker compose, of either generation, on the file as it is."""
        new = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
        command = [*(("docker", "compose") if new else ("docker-compose",)), "--project-name", PROJECT, *words]
        environment = os.environ | self.environment
        return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=check)

    def url(self, port: str) -> str:
        """Address of a published port."""
        return f"http://127.0.0.1:{self.environment[port]}"


def present(image: str, standin: str) -> None:
    """See to it that an image is there: pulled, or where no registry answers, built from Debian's packages."""
    if (
        docker("image", "ls", "-q", image)
        or subprocess.run(["docker", "pull", "-q", image], check=False).returncode == 0
    ):
        return
    folder = ROOT / "tests" / "deploy" / "standins"
    options = os.environ.get("BUILD_OPTIONS", "").split()
    docker("build", *options, "-q", "-t", image, "-f", str(folder / standin), str(folder))


@pytest.fixture(scope="module")
def stack(served: Model, image: str) -> Iterator[Stack]:
    """Everything that compose.yaml starts by itself, healthy."""
    docker("tag", image, "ml-loop")
    for name, standin in STANDINS.items():
        present(name, standin)
    subprocess.run(["make", "--no-print-directory", "image-batch"], cwd=ROOT, check=True)
    ports = {name: str(free_port()) for name in ("PORT", "MLFLOW_PORT", "PROMETHEUS_PORT")}
    started = Stack(SECRETS | {"DATA_DIR": str(served.folder.parents[2]), **ports})
    try:
        started.compose("up", "--detach")
        wait_until_healthy(started)
        yield started
    finally:
        started.compose("down", "--volumes", check=False)


def wait_until_healthy(stack: Stack) -> None:
    """Wait for the slowest, which makes its tables first."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{stack.url('MLFLOW_PORT')}/health", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise AssertionError(stack.compose("logs", "mlflow").stdout[-2000:])


def in_postgres(stack: Stack, database: str, query: str) -> str:
    """What PostgreSQL says."""
    password = f"PGPASSWORD={stack.environment['POSTGRES_PASSWORD']}"
    words = (
        "exec",
        "-T",
        "-e",
        password,
        "postgres",
        "psql",
        "-h",
        "127.0.0.1",
        "-U",
        "loop",
        "-d",
        database,
        "-Atc",
        query,
    )
    return stack.compose(*words).stdout.strip()


def test_the_monitor_reads_the_log_and_the_champion(stack: Stack):
    """The job keeps what the service counts, finds an empty prediction log in PostgreSQL, says so, and fails."""
    done = stack.compose("run", "--rm", "monitor", check=False)
    assert done.returncode == 1
    assert "run `make" in done.stdout + done.stderr
    kept = stack.compose("run", "--rm", "monitor", "cat", "/data/5_reports/service.jsonl").stdout
    assert json.loads(kept.splitlines()[-1]).keys() >= {"at", "prediction_errors_total"}, kept


def test_a_prediction_is_in_postgres_before_its_answer(stack: Stack):
    """The service's log is the stack's database."""
    answer = httpx.post(f"{stack.url('PORT')}/predict", json=example()).raise_for_status().json()
    found = in_postgres(stack, "predictions", "SELECT request_id, model_version FROM predictions")
    assert found == f"{answer['request_id']}|{answer['model_version']}"


def test_one_setting_trains_against_the_stack(stack: Stack, split_data: Path, tmp_path: Path):
    """MLFLOW_TRACKING_URI: a whole training leaves its runs, models and aliases in PostgreSQL and on the volume."""
    folder = tmp_path / "data"
    shutil.copytree(split_data, folder)
    server = stack.url("MLFLOW_PORT")
    environment = os.environ | {"DATA_DIR": str(folder), "MLFLOW_TRACKING_URI": server}
    for step in ("train", "evaluate", "promote"):
        subprocess.run([sys.executable, "-m", f"pipelines.{step}"], cwd=ROOT, env=environment, check=True)
    assert not (folder / "3_models" / "mlflow.db").exists()
    query = "SELECT version FROM registered_model_aliases WHERE alias = 'champion'"
    assert in_postgres(stack, "mlflow", query) == str(registry.champion(folder / "3_models"))
    mlflow = tracking.connect(tmp_path, server)
    assert hasattr(mlflow.sklearn.load_model(f"models:/{NAME}@champion"), "predict_proba")


def test_prometheus_watches_the_service_with_our_rules(stack: Stack):
    """It reaches the service, and has loaded every alert."""
    rules = httpx.get(f"{stack.url('PROMETHEUS_PORT')}/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert {"ServiceDown", "NoModel", "PredictionLogUnavailable"} <= {rule["name"] for rule in rules}
    targets = httpx.get(f"{stack.url('PROMETHEUS_PORT')}/api/v1/targets").json()["data"]["activeTargets"]
    assert [target["labels"]["job"] for target in targets] == ["ml-loop"]


def test_the_database_cannot_be_reached_from_outside(stack: Stack):
    """PostgreSQL publishes no port, and its network leads nowhere."""
    assert docker("network", "inspect", f"{PROJECT}_inside", "-f", "{{.Internal}}") == "true"
    ports = docker("ps", "--filter", f"name={PROJECT}.*postgres", "--format", "{{.Ports}}")
    assert "->" not in ports


@pytest.mark.parametrize("missing", SECRETS)
def test_secrets_must_be_given(missing: str):
    """There is no default to forget."""
    done = Stack({name: value for name, value in SECRETS.items() if name != missing}).compose("config", check=False)
    assert done.returncode != 0
    assert missing in done.stderr
