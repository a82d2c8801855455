"""The package takes another name, and everything that follows from it; what cannot be is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.swap.swapped import repository_copy
from yours import rename
from yours.rename import RenameRefused, renamed

MODULES = "dataset|config"


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


def commit(folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    who = ["-c", "user.name=a test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, "commit", "-qm", "copy"], cwd=folder, check=True)


def test_a_good_name_is_taken(repository, monkeypatch, capsys):
    """Folders and imports follow, and the next commands are named."""
    monkeypatch.chdir(repository)
    monkeypatch.setattr(sys, "argv", ["rename", "churn"])
    rename.main()
    assert (repository / "tests" / "churn" / "test_dataset.py").read_text() == "from churn.dataset import KEY\n"
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
        rename.check(repository, "old", "churn")


@pytest.mark.heavy
def test_the_renamed_repository_works(tmp_path, split_data):
    """In a copy: import contract, lint, tables, tests of the library, and a training."""
    copy = repository_copy(tmp_path / "copy")
    commit(copy)
    data = tmp_path / "data"
    shutil.copytree(split_data, data)
    shutil.rmtree(data / "3_models", ignore_errors=True)
    path = os.pathsep.join([str(copy / "src"), str(copy), str(copy / "tests" / "alone")])
    environment = os.environ | {"PYTHONPATH": path, "DATA_DIR": str(data)}
    scripts = Path(sys.executable).parent
    tests = [f"tests/churn/test_{name}.py" for name in ("config", "evaluation", "predictions", "artifacts")]
    for command in (
        [sys.executable, "-m", "yours.rename", "churn"],
        [scripts / "lint-imports", "--no-cache"],
        [scripts / "ruff", "check", "--quiet", "--no-cache", "."],
        [sys.executable, "-m", "docs.generate", "--tables"],
        [sys.executable, "-m", "pytest", "-q", "-x", *tests, "tests/serving/test_request.py"],
        *([sys.executable, "-m", f"pipelines.{step}"] for step in ("train", "evaluate", "promote")),
    ):
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    assert (data / "3_models" / "churn" / "1" / "manifest.json").is_file()
