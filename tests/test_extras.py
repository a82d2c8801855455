"""Each extra can be deleted together with its tests, alone or with all others, and the core still walks its loop."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.core import imports
from tests.forked import ALONE, Forked, forks
from tests.serving.running import Server, free_port
from tests.swap.swapped import repository_copy

ROOT = Path(__file__).parents[1]
CODE = ("src", "pipelines", "serving", "monitoring", "extras", "deploy", "docs", "tests")
PLUGINS = (
    "serving/extras", "pipelines/checks", "pipelines/extras", "monitoring/extras", "monitoring/checks",
    "src/flights/extras",
)  # fmt: skip
WALK_CHECKS = {"drift.py", "performance.py"}  # in monitoring/checks, but part of the walk

STORE = [
    "extras/feature_store",
    "src/flights/extras/feature_store",
    "serving/extras/by_key",
    "src/flights/extras/contributions.py",
    "pipelines/extras/contributions.py",
    "monitoring/checks/features.py",
    "deploy/feast",
]
VIEWS = "src/flights/extras/feature_views"
TOGETHER = (  # one extra in several places: what one process writes, another must be able to read
    ["extras/privacy", "src/flights/extras/privacy.py", "serving/extras/pseudonyms.py"],
    ["src/flights/extras/api_keys.py", "serving/extras/api_keys.py"],
    STORE,
    [VIEWS, *STORE],  # the views without the store are enough for `collect`
)


def extras(root: Path) -> list[str]:
    """Everything that can be deleted by itself: folders of extras/ and single plug-ins."""
    folders = [f"extras/{path.parent.name}" for path in sorted((root / "extras").glob("*/__init__.py"))]
    files = [path for name in PLUGINS for path in sorted((root / name).glob("*.py"))]
    packages = [path.parent for name in PLUGINS for path in sorted((root / name).glob("*/__init__.py"))]
    kept = {"__init__.py"} | WALK_CHECKS
    return folders + [str(path.relative_to(root)) for path in (*files, *packages) if path.name not in kept]


def mirror(extra: str) -> str:
    """Where the tests of an extra are: tests mirror the tree."""
    path = Path("tests", extra.removeprefix("src/"))
    return str(path if path.suffix == "" else path.with_name(f"test_{path.name}"))


def module(path: str) -> str:
    """Dotted name of a file or folder of code."""
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def delete(root: Path, deleted: list[str]) -> None:
    """Remove extras and their tests."""
    for name in [*deleted, *map(mirror, deleted)]:
        path = root / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def users(root: Path, deleted: list[str]) -> list[str]:
    """What still imports something that is deleted, anywhere in a file."""
    gone = (*deleted, *map(mirror, deleted))
    lost = {module(each) for each in gone}
    files = [str(path.relative_to(root)) for name in CODE for path in sorted((root / name).rglob("*.py"))]
    return [
        f"{path} imports {name}"
        for path in files
        if not any(path == each or path.startswith(f"{each}/") for each in gone) and "/swap/" not in path
        for name in imports(root, path)
        if any(name == each or name.startswith(f"{each}.") for each in lost)
    ]


EXTRAS = extras(ROOT)
ALONE_CASES = [next((group for group in TOGETHER if each in group), [each]) for each in EXTRAS]
CASES = [*ALONE_CASES, sorted({*EXTRAS, *(each for group in TOGETHER for each in group)})]
NAMES = [*EXTRAS, "all together"]


def test_there_are_extras():
    """The list is made from the disk, and is not empty by mistake."""
    assert {"extras/evidence", "serving/extras/fallback.py"} <= set(EXTRAS)


@pytest.mark.parametrize("deleted", CASES, ids=NAMES)
def test_nothing_that_stays_imports_an_extra(deleted):
    """Neither the core, nor other extras, nor their tests: what would break is known without running it."""
    assert users(ROOT, deleted) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the copy is: what Python compiled for one test is good for the next."""
    return tmp_path_factory.mktemp("extras") / "copy"


@pytest.fixture
def copy(folder: Path) -> Path:
    """A copy of the repository, to delete from, in which every file is back as it was."""
    return repository_copy(folder)


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """Python in a copy, in a fork of a process that has the libraries already."""
    with forks(tmp_path_factory.mktemp("forks")) as run:
        yield run


def python(core: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{core / 'src'}:{core}:{ALONE}"} | variables
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=core, env=environment, capture_output=True, text=True, check=False)


def problems(core: Path, forked: Forked, *, collect: bool) -> str:
    """What lint, the import of the core's modules, and the collection of the tests report."""
    files = [
        str(path.relative_to(core))
        for name in ("src", "pipelines", "serving", "monitoring")
        for path in sorted((core / name).rglob("*.py"))
        if "extras" not in path.parts
    ]
    commands = [["-c", "\n".join(f"import {module(path)}" for path in files)]]
    if collect:  # plug-ins of pytest are among the libraries that were imported before
        late = "ignore::pytest.PytestAssertRewriteWarning"
        commands += [["-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider", "-W", late]]
    linted = python(core, "-m", "ruff", "check", "--no-cache", ".")
    done = [(linted.returncode, linted.stdout + linted.stderr), *(forked(core, *words) for words in commands)]
    return "".join(output for code, output in done if code)


@pytest.mark.heavy
@pytest.mark.parametrize("deleted", CASES, ids=NAMES)
def test_an_extra_can_be_deleted(copy, forked, deleted):
    """Lint passes, the core is imported, and the other tests are collected (of a folder; a file has only its own)."""
    delete(copy, deleted)
    assert problems(copy, forked, collect=any(not each.endswith(".py") for each in deleted)) == ""


@pytest.fixture
def small_source(tmp_path: Path) -> Path:
    """Two days of the example's source, found instead of the installed package."""
    from pipelines.collection.timetable import SOURCE, TABLES, source_folder

    folder = tmp_path / "source" / SOURCE
    shutil.copytree(source_folder(), folder / "data")
    (folder / "__init__.py").touch()
    flights = pd.read_csv(source_folder() / TABLES["flights"]).query("month == 7 and day in (8, 9)")
    flights.to_csv(folder / "data" / TABLES["flights"], index=False)
    return folder.parent


@pytest.mark.exhibit
@pytest.mark.skipif(VIEWS not in EXTRAS, reason="the feature views are not here")
@pytest.mark.parametrize(("deleted", "message"), [(STORE, ""), ([VIEWS, *STORE], "departures_planned, temperature, ")])
def test_collect_needs_the_feature_views_and_not_the_store(copy, small_source, tmp_path, deleted, message):
    """Injected: without the store the columns are computed; without the views one line says which ones are missing."""
    delete(copy, deleted)
    path = f"{small_source}:{copy / 'src'}:{copy}"
    done = python(copy, "-m", "pipelines.collect", DATA_DIR=str(tmp_path / "data"), PYTHONPATH=path)
    assert (tmp_path / "data" / "1_raw" / "collected.parquet").is_file() == (not message)
    assert (done.returncode, done.stderr.count("\n")) == ((1, 1) if message else (0, 0))
    assert message in done.stderr
    assert not message or "git checkout src/flights/extras/feature_views" in done.stderr


@pytest.mark.ml_test_score("I3", injects="the training begins to need the backtest")
@pytest.mark.parametrize(
    ("file", "line", "deleted"),
    [
        ("pipelines/train.py", "import extras.evidence.backtest", "extras/evidence"),
        ("serving/app.py", "def late():\n    from serving.extras import fallback", "serving/extras/fallback.py"),
        ("tests/conftest.py", "from extras.drills import run", "extras/drills"),
    ],
)
def test_a_planted_import_of_an_extra_is_found(copy, file, line, deleted):
    """Planted: the core, a function of the core, or the core's tests begin to need an extra."""
    if deleted not in EXTRAS:
        pytest.skip(f"{deleted} is not here")
    with (copy / file).open("a") as source:
        source.write(f"\n{line}\n")
    ast.parse((copy / file).read_text())
    assert [each for each in users(copy, [deleted]) if each.startswith(file)]


@pytest.mark.heavy
def test_an_import_that_is_planted_in_the_core_breaks_it(copy, forked):
    """Planted: the training begins to need the backtest; without the backtest, the import fails."""
    delete(copy, EXTRAS)
    with (copy / "pipelines" / "train.py").open("a") as source:
        source.write("\nimport extras.evidence.backtest\n")
    assert "No module named 'extras" in problems(copy, forked, collect=False)


@pytest.mark.ml_test_score("I3")
@pytest.mark.heavy
def test_the_core_walks_its_loop_without_the_extras(copy, split_data, tmp_path):
    """From split rows to a champion, an answer, three replayed days and a decision."""
    delete(copy, EXTRAS)
    data = tmp_path / "data"
    shutil.copytree(split_data, data)
    port = free_port()
    state = {"DATA_DIR": str(data), "PORT": str(port)}
    for step in ("train", "evaluate", "promote"):
        done = python(copy, "-m", f"pipelines.{step}", **state)
        assert done.returncode == 0, done.stderr
    environment = os.environ | {"PYTHONPATH": f"{copy / 'src'}:{copy}:{ALONE}"} | state
    log = data / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "serving.app"], cwd=copy, env=environment, stderr=output)
    try:
        Server(f"http://127.0.0.1:{port}", process, log).wait()
        replayed = python(copy, "-m", "monitoring.replay", FROM="2013-11-01", TO="2013-11-03", **state)
        assert replayed.returncode == 0, replayed.stderr
    finally:
        process.terminate()
        process.wait(30)
    monitored = python(copy, "-m", "monitoring.monitor", **state)
    assert monitored.returncode in (0, 1), monitored.stderr
    assert "decision" in monitored.stdout
