"""Real parts for every test: real flights, collected once, and one real training on an eighth of them.

`trained` is shared by all tests, who only read it; `a_copy` is a test's own, to break as it likes.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flights.artifacts import read_parquet, write_parquet
from flights.config import Settings

EVERY = 8  # one row of so many is kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fail what would be skipped in CI: a part that is missing there is a fault of the set-up, not of the test."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def environment():
    """The session's environment, undone at its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "true")
        patch.delenv("AS_OF", raising=False)
        yield patch


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch) -> Path:
    """A DATA_DIR with every real flight, collected and validated."""
    from pipelines import collect, validate

    folder = tmp_path_factory.mktemp("collected")
    environment.setenv("DATA_DIR", str(folder))
    collect.main()
    validate.main()
    return folder


@pytest.fixture(scope="session")
def split_data(collected: Path, tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch) -> Path:
    """A DATA_DIR with an eighth of the real flights, split."""
    from pipelines import split

    folder = tmp_path_factory.mktemp("data")
    environment.setenv("DATA_DIR", str(folder))
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    write_parquet(folder / "1_raw" / "valid.parquet", rows[::EVERY])
    split.main()
    return folder


@pytest.fixture(scope="session")
def trained(split_data: Path, environment: pytest.MonkeyPatch) -> Path:
    """A DATA_DIR with a champion: everything that `make train` leaves."""
    from pipelines import evaluate, promote, train

    environment.setenv("DATA_DIR", str(split_data))
    train.main()
    evaluate.main()
    promote.promoted(Settings())
    return split_data


@pytest.fixture
def a_copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test's own DATA_DIR with the champion, to be broken."""
    folder = tmp_path / "data"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("DATA_DIR", str(folder))
    return folder
