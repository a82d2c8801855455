"""The package takes another name, and everything that follows from it; what cannot be is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from extras.yours import rename
from extras.yours.rename import RenameRefused, renamed
from tests.swap.swapped import commit, repository_copy

MODULES = "dataset|config"
FREE = "another"  # a name that no copy of this repository has, or the tests fail in a renamed one
NEW = "renamed"  # of the copy that the heavy test makes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from old.dataset import KEY", "from new.dataset import KEY"),
        ("from old import model, portable", "from new import model, portable"),
        ("import old.config", "import new.config"),
        ('    "old.dataset",', '    "new.dataset",'),
        ("COPY src/old old", "COPY src/new new"),
        ('folder / "3_models" / "old" / "1"', 'folder / "3_models" / "new" / "1"'),
        ('packages = ["old", "pipelines"]', 'packages = ["new", "pipelines"]'),
        ("processes --> old", "processes --> new"),
        ('named("old/dataset:targets", "old/model:fits")', 'named("new/dataset:targets", "new/model:fits")'),
    ],
)
def test_the_package_is_renamed(before, after):
    """Imports, dotted names, paths and lists of packages."""
    assert renamed(before, "old", "new", MODULES) == after


@pytest.mark.parametrize(
    "text",
    ["of old and new", "old.assign(x=1)", 'tables["old"]', 'json={"old": old}', "from old times", "older.dataset"],
)
def test_words_and_variables_stay(text):
    """A variable, a key of a body, or a word of a sentence that happens to be the package's name."""
    assert renamed(text, "old", "new", MODULES) == text


@pytest.fixture
def repository(tmp_path):
    """A small repository with one package."""
    for name in ("src/old/dataset.py", "tests/old/test_dataset.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("from old.dataset import KEY\n")
    commit(tmp_path)
    return tmp_path


def test_a_good_name_is_taken(repository, monkeypatch, capsys):
    """Folders and imports follow, and the next commands are named."""
    monkeypatch.chdir(repository)
    monkeypatch.setattr(sys, "argv", ["rename", FREE])
    rename.main()
    assert (repository / "tests" / FREE / "test_dataset.py").read_text() == f"from {FREE}.dataset import KEY\n"
    assert "make install" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", "Churn", "2fast", "my-data", "class", "json", "pipelines", "old", "a b"])
def test_a_bad_or_taken_name_is_refused(repository, name):
    """Planted: no identifier, a keyword, a module that exists, the name that it has."""
    with pytest.raises(RenameRefused):
        rename.check(repository, "old", name)


def test_a_tree_with_changes_is_refused(repository):
    """Planted: a file that nobody committed."""
    (repository / "mine.txt").write_text("not to be mixed up with the renaming")
    with pytest.raises(RenameRefused, match="commit them first"):
        rename.check(repository, "old", FREE)


class Renamed:
    """A copy of the repository whose package has another name; the installed one cannot stand in for it."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.root = repository_copy(folder)
        commit(self.root)
        path = os.pathsep.join([str(self.root / "src"), str(self.root), str(self.root / "tests" / "alone")])
        self.environment = os.environ | {"PYTHONPATH": path, "DATA_DIR": str(data), "OMP_NUM_THREADS": "1"}
        self.run("python", "-m", "extras.yours.rename", NEW)

    def run(self, name: str, *words: str) -> None:
        """One command of the environment in the copy, which must succeed."""
        command = [str(Path(sys.executable).with_name(name)), *words]
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"

    def tests(self, *words: str) -> None:
        """Some of the copy's tests."""
        self.run("python", "-m", "pytest", "-q", "-x", *words)


@pytest.fixture(scope="module")
def renamed_copy(tmp_path_factory, split_data):
    """A renamed copy with split data of its own."""
    data = tmp_path_factory.mktemp("renamed") / "data"
    shutil.copytree(split_data, data)
    shutil.rmtree(data / "3_models", ignore_errors=True)
    return Renamed(data.parent / "copy", data)


@pytest.mark.heavy
def test_a_renamed_repository_is_whole(renamed_copy):
    """Formatting, lint, types, the import contract and the tables hold, and every test can be collected."""
    renamed_copy.run("ruff", "format", "--check", "--quiet", "--no-cache", ".")
    renamed_copy.run("ruff", "check", "--quiet", "--no-cache", ".")
    renamed_copy.run("mypy", "--no-incremental")
    renamed_copy.run("lint-imports", "--no-cache")
    renamed_copy.run("python", "-m", "docs.generate", "--tables")
    renamed_copy.tests("--collect-only")


@pytest.mark.heavy
def test_a_renamed_repository_passes_its_tests(renamed_copy):
    """The library's tests, and all others that name modules as texts."""
    folders = [f"tests/{NEW}", "tests/extras/yours", "tests/test_core.py", "tests/test_architecture.py"]
    renamed_copy.tests("-m", "not heavy", *folders, "tests/serving/test_request.py")


@pytest.mark.heavy
def test_a_renamed_repository_trains(renamed_copy):
    """The champion is under the new name."""
    for step in ("train", "evaluate", "promote"):
        renamed_copy.run("python", "-m", f"pipelines.{step}")
    models = Path(renamed_copy.environment["DATA_DIR"]) / "3_models"
    assert (models / NEW / "1" / "manifest.json").is_file()
