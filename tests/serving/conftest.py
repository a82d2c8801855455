"""What the service's tests share: one published champion, and one server that answers with it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flights.registry import Model
from serving.prediction_log import PredictionLog
from tests.serving.postgres import MISSING, Postgres, postgres
from tests.serving.published import publish_champion
from tests.serving.running import Server, running


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose champion is a small model."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def model(data_dir: Path) -> Model:
    """The champion in the data folder."""
    return publish_champion(data_dir / "3_models", 1, seed=1)


@pytest.fixture(scope="session")
def server(data_dir: Path, model: Model) -> Iterator[Server]:
    """A server that answers with the champion."""
    with running(data_dir) as started:
        started.wait()
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client with one connection, so that a test sees whether it survives."""
    with httpx.Client(base_url=server.url, limits=httpx.Limits(max_connections=1)) as opened:
        yield opened


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PredictionLog]:
    """An empty log of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/folder/predictions.db"
    elif MISSING:
        pytest.skip(MISSING)
    else:
        url = request.getfixturevalue("database").url
    opened = PredictionLog(url)
    yield opened
    opened.close()
