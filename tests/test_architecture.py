"""The rules that keep the tree readable hold, and each is shown to refuse a tree that breaks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = tuple(
    f"extras/{path.parent.name}"
    for path in sorted((ROOT / "extras").glob("*/__init__.py"))
    if path.parent.name != "benchmarks"
)
PROCESSES = ("pipelines", "serving", "serving/extras", "monitoring", "monitoring/checks", "monitoring/extras", *EXTRAS)
FOLDERS = {"flights": ROOT / "src/flights", **{name: ROOT / name for name in PROCESSES}}
HEAVY = ("pandas", "pandera", "sklearn", "scipy", "mlflow", "evidently", "matplotlib", "pyarrow", "onnx")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code, to be broken."""
    for name in ("src", "pipelines", "serving", "monitoring", "extras", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """The import contract's verdict on a tree."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    path = f"{tree / 'src'}:{tree}"
    return subprocess.run(command, cwd=tree, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)


def test_imports_go_one_way(tree):
    """The tree as it is keeps every import contract."""
    verdict = lint_imports(tree)
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("serving/app.py", "import pipelines.train"),
        ("pipelines/train.py", "import monitoring"),
        ("serving/app.py", "import extras.yours.check_swap"),
        ("monitoring/replay.py", "import extras.drills.run"),
        ("src/flights/dataset.py", "import pipelines"),
        ("src/flights/features.py", "import flights.registry"),
        ("src/flights/registry.py", "import mlflow"),
        ("pipelines/train.py", "import mlflow"),
        ("serving/app.py", "import pandas"),
        ("pipelines/train.py", "import notebooks"),
    ],
)
def test_an_import_the_other_way_is_refused(tree, file, line):
    """Sideways, backwards, through a second door to MLflow, or heavy in the server: the contract names the import."""
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")
    verdict = lint_imports(tree)
    assert verdict.returncode == 1
    assert line.removeprefix("import ") in verdict.stdout


@pytest.mark.exhibit
@pytest.mark.parametrize(
    ("file", "line", "arrow"),
    [
        ("src/flights/evaluation.py", "import flights.artifacts", "evaluation --> artifacts"),
        ("pipelines/train.py", "import extras.evidence.backtest", "-| [`extras/evidence/`]"),
    ],
    ids=["an arrow is missing", "an extra became core"],
)
def test_a_planted_import_makes_the_architecture_page_stale(tree, file, line, arrow):
    """The diagram and the list of extras are made from the imports, so they cannot lie for long."""
    shutil.copytree(ROOT / "docs", tree / "docs")
    command = [sys.executable, "-m", "docs.generate", "--check", "--tables", "docs/architecture.md"]

    def verdict() -> subprocess.CompletedProcess[str]:
        path = {"PYTHONPATH": f"{tree / 'src'}:{tree}"}
        return subprocess.run(command, cwd=tree, env=path, capture_output=True, text=True, check=False)

    assert verdict().returncode == 0
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")
    stale = verdict()
    assert stale.returncode == 1
    assert arrow in stale.stdout


def without_mirror(code: dict[str, Path], tests: Path) -> list[str]:
    """Modules that no test file mirrors."""
    return [
        f"{folder}/{module.name}"
        for folder, path in code.items()
        for module in sorted(path.glob("*.py"))
        if module.name != "__init__.py" and not (tests / folder / f"test_{module.name}").exists()
    ]


def test_every_module_has_its_mirror_in_the_tests():
    """The test of a module is where one looks for it."""
    assert without_mirror(FOLDERS, ROOT / "tests") == []


def test_a_module_without_tests_is_found(tmp_path):
    """A new module without a mirror fails the check."""
    (tmp_path / "lonely.py").touch()
    assert without_mirror({"flights": tmp_path}, ROOT / "tests") == ["flights/lonely.py"]


def test_the_server_loads_nothing_heavy():
    """Importing the service brings in none of the trainers' and the monitors' libraries, not even indirectly."""
    code = f"import serving.app, sys; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
