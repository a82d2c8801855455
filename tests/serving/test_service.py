"""Extras plug in by being there, and nothing misses one that is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.published import publish_champion
from tests.serving.running import ROOT

ROUTES = """
from flights.config import Settings
from serving.app import create_app
print(sorted(create_app(Settings()).openapi()["paths"]))
"""


ASK = """
import asyncio, httpx
from flights.config import Settings
from serving.app import create_app
from serving.request import example

async def ask():
    app = create_app(Settings())
    async with app.router.lifespan_context(app), httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://service"
    ) as client:
        good, bad = [await client.post("/predict", json=body) for body in (example(), {})]
        print(good.status_code, bad.status_code)

asyncio.run(ask())
"""


def run(tree: Path, code: str, data: Path, **variables: str) -> str:
    path = f"{ROOT / 'src'}{os.pathsep}{tree}"
    environment = os.environ | {"PYTHONPATH": path, "DATA_DIR": str(data)} | variables
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=tree, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def answered(tree: Path, data: Path) -> str:
    return run(tree, ASK, data)


@pytest.fixture(scope="module")
def trained_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of its own with a champion."""
    folder = tmp_path_factory.mktemp("small")
    publish_champion(folder / "3_models", 1, seed=1)
    return folder


def test_the_service_answers_without_its_extras(trained_small: Path, tmp_path: Path):
    """With the folder deleted the routes of the core are all there, and answer."""
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("extras", "__pycache__"))
    assert "/predict/batch" in run(tmp_path, ROUTES, tmp_path / "data")
    assert answered(tmp_path, trained_small) == "200 422"


OPTIONAL = sorted(
    path.name for path in (ROOT / "serving/extras").iterdir() if path.name[0] != "_" and path.suffix in {"", ".py"}
)


@pytest.mark.parametrize("extra", OPTIONAL)
def test_the_service_answers_without_any_one_extra(trained_small: Path, tmp_path: Path, extra: str):
    """Each is deleted by itself: a prediction is answered, and refused where it breaks the contract."""
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("__pycache__"))
    gone = tmp_path / "serving/extras" / extra
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert answered(tmp_path, trained_small) == "200 422"


def test_a_guard_that_is_configured_and_deleted_is_missed(tmp_path: Path):
    """Planted: RETENTION_DAYS is set, and its plug-in is gone. The service does not start, and says why in one line."""
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "serving/extras/retention.py").unlink()
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(tmp_path, ROUTES, tmp_path / "data", RETENTION_DAYS="30")
    assert failed.value.stderr.strip().startswith("RETENTION_DAYS is set, but serving/extras/retention.py is missing")
