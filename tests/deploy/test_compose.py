"""The compose file as it is: everything starts in order, gets healthy, and one setting sends the runs there."""

import importlib
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
import yaml

from flights import registry
from flights.config import NAME
from serving.request import example
from tests.deploy.conftest import ROOT, docker
from tests.serving.running import free_port

pytestmark = pytest.mark.heavy

PROJECT = "ml-loop-test"
FILE = "deploy/compose/compose.yaml"
STANDINS = {"postgres:17": "postgres.Dockerfile", "prom/prometheus:v3.5.0": "prometheus.Dockerfile"}
SECRETS = {"POSTGRES_PASSWORD": "known-to-the-test", "PSEUDONYM_KEY": "ab" * 32}


@dataclass
class Stack:
    """Where everything answers."""

    environment: dict[str, str]

    def compose(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run docker compose, of either generation, on the file as it is."""
        new = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
        command = [
            *(("docker", "compose") if new else ("docker-compose",)),
            "--project-name",
            PROJECT,
            "--file",
            FILE,
            *words,
        ]
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
def stack(trained: Path, image: str, batch_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything that compose.yaml starts by itself, healthy."""
    for name, standin in STANDINS.items():
        present(name, standin)
    folder = tmp_path_factory.mktemp("stack") / "data"
    shutil.copytree(trained, folder)
    ports = {name: str(free_port()) for name in ("PORT", "MLFLOW_PORT", "PROMETHEUS_PORT")}
    images = {"IMAGE": image, "BATCH_IMAGE": batch_image}
    started = Stack(SECRETS | images | {"DATA_DIR": str(folder), **ports})
    started.compose("down", "--volumes", check=False)  # what a run that was killed has left
    try:
        started.compose("up", "--detach")
        wait_until_healthy(started)
        yield started
    finally:
        started.compose("down", "--volumes", check=False)


def wait_until_healthy(stack: Stack) -> None:
    """Wait until the engine's own checks see every service healthy; the slowest makes its tables first."""
    deadline, expected = time.monotonic() + 300, stack.compose("config", "--services").stdout.split()
    while unhealthy := set(expected) - {"monitor"} - healthy():
        assert time.monotonic() < deadline, unhealthy
        time.sleep(0.5)


def healthy() -> set[str]:
    """The services that are."""
    label = '{{.Label "com.docker.compose.service"}}'
    project = f"label=com.docker.compose.project={PROJECT}"
    return set(docker("ps", "--filter", project, "--filter", "health=healthy", "--format", label).split())


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
    assert done.returncode == 2
    assert "run `make" in done.stdout + done.stderr
    kept = stack.compose("run", "--rm", "monitor", "cat", "/data/5_reports/service.jsonl").stdout
    assert json.loads(kept.splitlines()[-1]).keys() >= {"at", "prediction_errors_total"}, kept


def test_the_monitor_judges_a_replay(stack: Stack):
    """The job reads two days of live traffic from PostgreSQL and leaves its decision and its report on the volume."""
    environment = os.environ | stack.environment | {"HOST": "127.0.0.1", "FROM": "2013-11-01", "TO": "2013-11-02"}
    subprocess.run([sys.executable, "-m", "monitoring.replay"], cwd=ROOT, env=environment, check=True)
    done = stack.compose("run", "--rm", "monitor", check=False)
    kept = stack.compose("run", "--rm", "monitor", "cat", "/data/5_reports/decision.json", check=False)
    assert kept.returncode == 0, done.stdout + done.stderr
    decision = json.loads(kept.stdout)
    assert decision["counts"]["predictions"] == int(
        in_postgres(stack, "predictions", "SELECT count(*) FROM predictions")
    )
    assert decision["counts"]["labelled"] > 50
    assert (decision["champion"], done.returncode) == (1, decision["act"])
    stack.compose("run", "--rm", "monitor", "test", "-s", "/data/5_reports/index.html")


def test_a_prediction_is_in_postgres_before_its_answer(stack: Stack):
    """The service's log is the stack's database."""
    answer = httpx.post(f"{stack.url('PORT')}/predict", json=example()).raise_for_status().json()
    query = f"SELECT model_version FROM predictions WHERE request_id = '{answer['request_id']}'"
    assert in_postgres(stack, "predictions", query) == str(answer["model_version"])


def test_one_setting_trains_against_the_stack(
    stack: Stack, split_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
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
    mlflow = importlib.import_module("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)  # MLflow exports it, and later tests have another store
    mlflow.set_tracking_uri(server)
    assert hasattr(mlflow.sklearn.load_model(f"models:/{NAME}@champion"), "predict_proba")


def test_prometheus_watches_the_service_with_our_rules(stack: Stack):
    """It reaches the service, and has loaded every alert."""
    rules = httpx.get(f"{stack.url('PROMETHEUS_PORT')}/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert {"ServiceDown", "NoModel", "PredictionLogUnavailable"} <= {rule["name"] for rule in rules}
    assert scraped(stack, "up") == [("ml-loop", "up")]


def scraped(stack: Stack, expected: str) -> list[tuple[str, str]]:
    """The jobs that Prometheus watches with what it finds, once that is what is expected or a minute has passed."""
    deadline = time.monotonic() + 60
    while True:
        targets = httpx.get(f"{stack.url('PROMETHEUS_PORT')}/api/v1/targets").json()["data"]["activeTargets"]
        found = [(target["labels"]["job"], target["health"]) for target in targets]
        if time.monotonic() > deadline or all(health == expected for _, health in found):
            return found
        time.sleep(0.5)


def test_everything_has_bounds(stack: Stack):
    """Memory and processes of every container are limited."""
    names = docker("ps", "-q", "--filter", f"label=com.docker.compose.project={PROJECT}").split()
    limits = [json.loads(docker("inspect", name))[0]["HostConfig"] for name in names]
    assert len(limits) == 4
    assert all(0 < each["Memory"] <= 4 * 2**30 and 0 < each["PidsLimit"] <= 256 for each in limits)


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


def test_the_key_that_models_are_verified_with_reaches_who_loads_them():
    """MODEL_VERIFY_KEY, where it is set, is the service's and the monitor's."""
    given = Stack(SECRETS | {"MODEL_VERIFY_KEY": "planted"}).compose("--profile", "jobs", "config").stdout
    services = yaml.safe_load(given)["services"]
    known = [name for name, each in services.items() if (each.get("environment") or {}).get("MODEL_VERIFY_KEY")]
    assert sorted(known) == ["monitor", "server"]


def test_prometheus_says_that_a_stopped_service_is_down(stack: Stack):
    """Planted, at the end: the service stops, and the target's health follows."""
    stack.compose("stop", "server")
    assert scraped(stack, "down") == [("ml-loop", "down")]
