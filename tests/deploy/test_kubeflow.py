"""The Kubeflow pipeline is the loop's steps, compiles, and runs for real in containers of the batch image."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from flights.artifacts import read_parquet, write_parquet
from flights.registry import champion, load
from tests.deploy.conftest import BATCH_IMAGE, ROOT, docker, tool

pytestmark = pytest.mark.heavy

SCRIPT = ROOT / "deploy" / "kubeflow" / "pipeline.py"
FROM_SPLIT = ("split", "train", "evaluate", "promote")


def kubeflow(target: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Compile, and run if asked to."""
    command = [tool("python"), SCRIPT, target, *words]
    environment = os.environ | {"BATCH_IMAGE": BATCH_IMAGE}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_compiles_to_the_loops_steps_in_their_order(tmp_path: Path):
    """Six containers, each after the one before, on one volume."""
    done = kubeflow(tmp_path / "loop.yaml")
    assert done.returncode == 0, done.stderr
    pipeline, platform = yaml.safe_load_all((tmp_path / "loop.yaml").read_text())
    tasks = pipeline["root"]["dag"]["tasks"]
    names = [f"step-{place}" if place > 1 else "step" for place in range(1, 7)]
    assert set(tasks) == set(names)
    assert [tasks[name].get("dependentTasks", []) for name in names] == [[], *([name] for name in names[:-1])]
    steps = [tasks[name]["inputs"]["parameters"]["name"]["runtimeValue"]["constant"] for name in names]
    assert steps == ["collect", "validate", "split", "train", "evaluate", "promote"]
    mounts = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert {mount["pvcMount"][0]["mountPath"] for mount in mounts} == {"/data"}


def test_it_makes_a_champion_on_a_sample(batch_image: str, tmp_path: Path):
    """kfp's own runner: every step in containers; after the contract, a sixteenth of the flights goes on."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)  # the containers' user is nobody here
    try:
        done = kubeflow(tmp_path / "loop.yaml", "--run", data, "--steps", "collect", "validate")
        assert done.returncode == 0, done.stdout[-3000:]
        opened(data, batch_image)
        valid = data / "1_raw" / "valid.parquet"
        write_parquet(valid, read_parquet(valid, "")[::16])
        done = kubeflow(tmp_path / "loop.yaml", "--run", data, "--steps", *FROM_SPLIT)
        assert done.returncode == 0, done.stdout[-3000:]
    finally:
        opened(data, batch_image)
    assert champion(data / "3_models") == 1
    manifest = load(data / "3_models", 1).manifest
    assert manifest["python"].startswith("3.13")
    commit, changes = (
        subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        for words in (("rev-parse", "HEAD"), ("status", "--porcelain"))
    )
    assert (manifest["git_commit"], manifest["git_dirty"]) == (commit, bool(changes))


def opened(data: Path, image: str) -> None:
    """Let anyone who runs the tests into what the containers' user wrote."""
    docker("run", "--rm", "--user", "0", "--volume", f"{data}:/data", image, "chmod", "-R", "777", "/data")


def test_a_step_that_fails_ends_the_run(batch_image: str, tmp_path: Path):
    """Planted: nothing was collected, so there is nothing to split, and nothing is trained."""
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    done = kubeflow(tmp_path / "loop.yaml", "--run", data, "--steps", *FROM_SPLIT)
    assert done.returncode != 0
    assert "make validate" in done.stdout + done.stderr
    assert not (data / "3_models").exists()
