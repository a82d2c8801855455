"""Shared fixtures: rows made from the declared contract, and one real training on them.

A test or module marked `exhibit` gets this example's own rows instead: all of them in `collected`, an eighth in
`split_data` and `trained`. `trained` is read-only; `a_copy` is a test's own. Slow parts are kept while their code stays
the same; `make test` starts with nothing kept.
"""

import fcntl
import hashlib
import importlib
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from flights.artifacts import read_parquet, write_json, write_parquet
from flights.config import Settings
from flights.plugins import hooks
from tests.contract_rows import contract_rows

ROOT = Path(__file__).parents[1]
EVERY = 8  # of the example's rows, `split_data` keeps one in this many
EXHIBIT_FIXTURES = {"autumn"}  # the flights' own days: who uses them is marked
EXHIBIT = re.compile(r"^pytestmark = .*\bexhibit\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import the modules of this example when they are deselected: their imports need its declarations."""
    if "not exhibit" not in config.option.markexpr or collection_path.suffix != ".py":
        return None
    return True if EXHIBIT.search(collection_path.read_text()) else None


def is_exhibit(item: pytest.Item, fixtures: Iterable[str]) -> bool:
    """Whether a test is about this example: it is marked, or uses a fixture that is."""
    return any(item.iter_markers("exhibit")) or not EXHIBIT_FIXTURES.isdisjoint(fixtures)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use an exhibit fixture."""
    for item in items:
        if is_exhibit(item, getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.exhibit)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests that are marked `exhibit` the example's rows, and all others generated ones."""
    if "rows_source" in metafunc.fixturenames:
        source = "example" if is_exhibit(metafunc.definition, metafunc.fixturenames) else "contract"
        metafunc.parametrize("rows_source", [source], indirect=True, scope="session", ids=[pytest.HIDDEN_PARAM])


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
    sources = [*sorted((ROOT / "src/flights").rglob("*.py")), *sorted((ROOT / "pipelines").rglob("*.py"))]
    sources += [ROOT / f"tests/{name}.py" for name in ("conftest", "contract_rows", "patterns")]
    sources += [ROOT / "requirements.lock"]
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


def collect_and_validate(folder: Path, source: str) -> None:
    """Make a DATA_DIR with every valid row of a source."""
    from pipelines import collect, validate

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(folder))
        if source == "example":
            collect.main()
        else:
            write_parquet(folder / "1_raw" / "collected.parquet", contract_rows())
            write_json(folder / "1_raw" / "manifest.json", {"source": "tests/contract_rows.py"})
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
        for mirror_champion in hooks("pipelines.extras", "mirror_champion"):
            mirror_champion(settings)


@pytest.fixture(scope="session")
def rows_source(request: pytest.FixtureRequest) -> str:
    """Where the rows come from: the declared `contract`, or this `example`'s source."""
    return str(request.param)


@pytest.fixture(scope="session")
def collected(pytestconfig: pytest.Config, environment: pytest.MonkeyPatch, rows_source: str) -> Path:
    """A DATA_DIR with every row, collected and validated."""

    def make(folder: Path) -> None:
        collect_and_validate(folder, rows_source)

    folder = made_once(pytestconfig, f"collected-{rows_source}", make)
    environment.setenv("DATA_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def split_data(
    collected: Path, tmp_path_factory: pytest.TempPathFactory,
    environment: pytest.MonkeyPatch, rows_source: str,
) -> Path:  # fmt: skip
    """A DATA_DIR with some 40,000 rows, split."""
    from pipelines import split

    folder = tmp_path_factory.mktemp("data")
    environment.setenv("DATA_DIR", str(folder))
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    write_parquet(folder / "1_raw" / "valid.parquet", rows[:: EVERY if rows_source == "example" else 1])
    split.main()
    return folder


@pytest.fixture(scope="session")
def trained(
    split_data: Path, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory,
    environment: pytest.MonkeyPatch, rows_source: str,
) -> Path:  # fmt: skip
    """A DATA_DIR with a champion: everything that `make train` leaves."""

    def make(folder: Path) -> None:
        shutil.copytree(split_data, folder)
        train_and_promote(folder)

    folder = tmp_path_factory.mktemp("trained") / "data"
    shutil.copytree(made_once(pytestconfig, f"trained-{rows_source}", make), folder)
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
