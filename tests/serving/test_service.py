"""Extras plug in by being there, and nothing misses one that is not."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.forked import SERVING, forks
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


Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run code with a tree's own serving; returns exit code and the last line that was said."""
    with forks(tmp_path_factory.mktemp("forks"), SERVING) as python:

        def run(tree: Path, code: str, data: Path, **variables: str) -> tuple[int, str]:
            ended, said = python(tree, "-c", code, library=ROOT / "src", DATA_DIR=str(data), **variables)
            return ended, said.strip().rpartition("\n")[2]

        yield run


@pytest.fixture(scope="module")
def trained_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of its own with a champion."""
    folder = tmp_path_factory.mktemp("small")
    publish_champion(folder / "3_models", 1, seed=1)
    return folder


def test_the_service_answers_without_its_extras(run: Run, trained_small: Path, tmp_path: Path):
    """With the folder deleted the routes of the core are all there, and answer."""
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("extras", "__pycache__"))
    assert "/predict/batch" in run(tmp_path, ROUTES, tmp_path / "data")[1]
    assert run(tmp_path, ASK, trained_small) == (0, "200 422")


OPTIONAL = sorted(
    path.name for path in (ROOT / "serving/extras").iterdir() if path.name[0] != "_" and path.suffix in {"", ".py"}
)


@pytest.mark.parametrize("extra", OPTIONAL)
def test_the_service_answers_without_any_one_extra(run: Run, trained_small: Path, tmp_path: Path, extra: str):
    """Each is deleted by itself: a prediction is answered, and refused where it breaks the contract."""
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("__pycache__"))
    gone = tmp_path / "serving/extras" / extra
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert run(tmp_path, ASK, trained_small) == (0, "200 422")


def test_a_guard_that_is_configured_and_deleted_is_missed(run: Run, tmp_path: Path):
    """Planted: RETENTION_DAYS is set, and its plug-in is gone. The service does not start, and says why in one line."""
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "serving/extras/retention.py").unlink()
    ended, said = run(tmp_path, ROUTES, tmp_path / "data", RETENTION_DAYS="30")
    assert ended == 1
    assert said.startswith("RETENTION_DAYS is set, but serving/extras/retention.py is missing")
