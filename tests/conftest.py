"""Real parts for every test: real flights, collected once, and one real training on an eighth of them.

`trained` is shared by all tests, who only read it; `a_copy` is a test's own, to break as it likes. What takes long is
made once for as long as the code that makes it stays the same; `make test` begins with nothing kept.
"""

import fcntl
import hashlib
import importlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flights import tracking
from flights.artifacts import read_parquet, write_parquet
from flights.config import Settings

ROOT = Path(__file__).parents[1]
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


def code_digest() -> str:
    """One digest of everything that decides what collect and train make."""
    sources = [*sorted((ROOT / "src/flights").glob("*.py")), *sorted((ROOT / "pipelines").rglob("*.py"))]
    sources += [ROOT / "tests/conftest.py", ROOT / "requirements.lock"]
    return hashlib.sha256(sys.version.encode() + b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def made_once(config: pytest.Config, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills: kept between runs, and shared by the processes of one run."""
    kept = Path(config.cache.mkdir(f"flights-{code_digest()}"))
    with (kept / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / f"{name}.made").exists():  # never renamed: MLflow's store knows where its artefacts lie
            shutil.rmtree(kept / name, ignore_errors=True)
            make(kept / name)
            (kept / f"{name}.made").touch()
    return kept / name


def collect_and_validate(folder: Path) -> None:
    """Make a DATA_DIR with every real flight."""
    from pipelines import collect, validate

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(folder))
        collect.main()
        validate.main()


def train_and_promote(folder: Path) -> None:
    """Make a champion from the split data in a DATA_DIR."""
    from pipelines import evaluate, train
    from pipelines.evaluation.publish import promote_evaluated

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(folder))
        train.main()
        evaluate.main()
        settings = Settings()
        promote_evaluated(settings)
        tracking.mirror_champion(tracking.connect(settings.models_dir), settings.models_dir)


@pytest.fixture(scope="session")
def collected(pytestconfig: pytest.Config, environment: pytest.MonkeyPatch) -> Path:
    """A DATA_DIR with every real flight, collected and validated."""
    folder = made_once(pytestconfig, "collected", collect_and_validate)
    environment.setenv("DATA_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def split_data(
    collected: Path, tmp_path_factory: pytest.TempPathFactory,
    environment: pytest.MonkeyPatch,
) -> Path:  # fmt: skip
    """A DATA_DIR with an eighth of the real flights, split."""
    from pipelines import split

    folder = tmp_path_factory.mktemp("data")
    environment.setenv("DATA_DIR", str(folder))
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    write_parquet(folder / "1_raw" / "valid.parquet", rows[::EVERY])
    split.main()
    return folder


@pytest.fixture(scope="session")
def trained(
    split_data: Path, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory,
    environment: pytest.MonkeyPatch,
) -> Path:  # fmt: skip
    """A DATA_DIR with a champion: everything that `make train` leaves."""

    def make(folder: Path) -> None:
        shutil.copytree(split_data, folder)
        train_and_promote(folder)

    folder = tmp_path_factory.mktemp("trained") / "data"
    shutil.copytree(made_once(pytestconfig, "trained", make), folder)
    environment.setenv("DATA_DIR", str(folder))
    return folder


@pytest.fixture
def a_copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test's own DATA_DIR with the champion, to be broken."""
    folder = tmp_path / "data"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("DATA_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def evidently() -> None:
    """Evidently, imported once; its imports warn of NumPy's and pandas' future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("evidently")
