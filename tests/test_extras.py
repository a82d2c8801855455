"""What is called an extra can go: the core walks its loop without any of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.running import Server, free_port

ROOT = Path(__file__).parents[1]
ALONE = ROOT / "tests" / "alone"
LIST = (
    "import json; from docs import tables;"
    "print(json.dumps([list(map(tables.source, tables.extra_modules())), tables.WALK]))"
)


@pytest.fixture(scope="module")
def listed() -> tuple[list[str], list[str]]:
    """The extras' files, and the modules of the core's walk."""
    done = subprocess.run([sys.executable, "-c", LIST], cwd=ROOT, capture_output=True, text=True, check=True)
    extras, walk = json.loads(done.stdout)
    return extras, walk


@pytest.fixture
def core(tmp_path: Path, listed: tuple[list[str], list[str]]) -> Path:
    """A copy of the code without any extra."""
    for name in ("src", "pipelines", "serving", "monitoring", "extras"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    for extra in listed[0]:
        (tmp_path / extra).unlink()
    return tmp_path


def python(core: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{core / 'src'}:{core}:{ALONE}"} | variables
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=core, env=environment, capture_output=True, text=True, check=False)


def test_the_lists_are_what_they_seem(listed):
    """There are extras to delete, and no step of the walk is one."""
    extras, walk = listed
    assert "extras/evidence/backtest.py" in extras
    assert not {f"{module.replace('.', '/')}.py" for module in walk} & set(extras)


def test_every_step_of_the_walk_can_be_imported_without_the_extras(core, listed):
    """Imports that wait inside functions are another matter: the loop below runs them."""
    done = python(core, "-c", f"import {', '.join(listed[1])}")
    assert done.returncode == 0, done.stderr


@pytest.mark.ml_test_score("I3", injects="the training begins to need the backtest")
def test_a_step_that_imports_an_extra_is_found(core, listed):
    """Planted: the training begins to need the backtest."""
    with (core / "pipelines" / "train.py").open("a") as file:
        file.write("\nimport extras.evidence.backtest\n")
    done = python(core, "-c", f"import {', '.join(listed[1])}")
    assert done.returncode != 0
    assert "backtest" in done.stderr


@pytest.mark.ml_test_score("I3")
@pytest.mark.heavy
def test_the_core_walks_its_loop_without_the_extras(core, split_data, tmp_path):
    """From split rows to a champion, an answer, three replayed days and a decision."""
    data = tmp_path / "data"
    shutil.copytree(split_data, data)
    port = free_port()
    state = {"DATA_DIR": str(data), "PORT": str(port)}
    for step in ("train", "evaluate", "promote", "summary"):
        done = python(core, "-m", f"pipelines.{step}", **state)
        assert done.returncode == 0, done.stderr
    environment = os.environ | {"PYTHONPATH": f"{core / 'src'}:{core}:{ALONE}"} | state
    log = data / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "serving.app"], cwd=core, env=environment, stderr=output)
    try:
        Server(f"http://127.0.0.1:{port}", process, log).wait()
        replayed = python(core, "-m", "monitoring.replay", FROM="2013-11-01", TO="2013-11-03", **state)
        assert replayed.returncode == 0, replayed.stderr
    finally:
        process.terminate()
        process.wait(30)
    monitored = python(core, "-m", "monitoring.monitor", **state)
    assert monitored.returncode in (0, 1), monitored.stderr
    assert "decision" in monitored.stdout
