"""A project takes two later versions of the template, the second with a conflict; its own files are never touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from extras.new import template, update
from tests.extras.new.test_create import write_table
from tests.swap.swapped import repository_copy

MINE = "src/snapshots/dataset.py"


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=me", "-c", "user.email=me@localhost", "-c", "core.hooksPath=/dev/null"]
    return subprocess.run(["git", *named, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def commit(folder: Path, **changes: tuple[str, str]) -> None:
    """Replace a text in each of some files, and commit."""
    for name, (old, new) in changes.items():
        path = folder / name
        text = path.read_text() if path.exists() else ""
        assert old in text, name
        path.write_text(text.replace(old, new, 1) if old else text + new)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "A change")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A project with changes of its user, and a copy of this repository to make later versions of."""
    folder = tmp_path_factory.mktemp("update")
    command = [sys.executable, "-m", "extras.new.create", *write_table(folder, "snapshots")]
    subprocess.run(command, cwd=template.ROOT, capture_output=True, check=True)
    later = repository_copy(folder / "later")
    shutil.rmtree(later / ".git", ignore_errors=True)
    git(later, "init", "-q")
    commit(later)
    return folder / "project", later


def taken(project: Path, later: Path) -> subprocess.CompletedProcess[str]:
    """What `make update-template` prints."""
    command = [sys.executable, "extras/project/update.py", str(later)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.heavy
def test_two_versions_are_merged_and_the_second_conflicts(folders):
    """The first changes, adds and deletes files; the second changes a line that the user has changed, too."""
    project, later = folders
    question = 'QUESTION = "Will label be 1?"'
    mine = {
        MINE: (question, 'QUESTION = "Will it rain?"'),
        "monitoring/decide.py": ('"""From alarms', '"""My own: from alarms'),
        "extras/mine.py": ("", '"""Mine."""\n'),
        "src/snapshots/config.py": ("MISS_COST = 5.0", "MISS_COST = 9.0"),
    }
    commit(project, **mine)
    (later / "monitoring/extras/webhook.py").unlink()
    commit(
        later,
        **{
            "monitoring/outcomes.py": ("", "\n\nLATER = 1  # of the new version\n"),
            "serving/extras/later.py": ("", '"""A plug-in of flights, of the new version."""\n'),
            "src/flights/dataset.py": ("QUESTION = ", "QUESTION = QUERY = "),
            "src/flights/config.py": ("How often the server looks", "How often, in seconds, the server looks"),
        },
    )
    done = taken(project, later)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "update    merged:" in done.stdout
    assert "LATER = 1" in (project / "monitoring/outcomes.py").read_text()
    assert (project / "serving/extras/later.py").read_text() == '"""A plug-in of rows, of the new version."""\n'
    assert not (project / "monitoring/extras/webhook.py").exists()
    for name, (_, new) in mine.items():
        assert new in (project / name).read_text()
    assert "QUERY" not in (project / MINE).read_text()
    assert "How often, in seconds, the server" in (project / "src/snapshots/config.py").read_text()
    assert git(project, "status", "--porcelain") == ""

    commit(later, **{"monitoring/decide.py": ('"""From alarms', '"""Of the template: from alarms')})
    before = git(project, "rev-parse", "HEAD")
    done = taken(project, later)
    assert done.returncode == 1
    assert "conflicts in monitoring/decide.py: resolve them" in done.stderr
    text = (project / "monitoring/decide.py").read_text()
    assert "<<<<<<<" in text
    assert '"""My own: from alarms' in text
    assert '"""Of the template: from alarms' in text
    git(project, "merge", "--abort")
    assert git(project, "rev-parse", "HEAD") == before

    taken(project, later)
    git(project, "checkout", "--ours", "monitoring/decide.py")
    commit(project)
    assert "nothing has changed since" in taken(project, later).stdout
    assert '"""My own: from alarms' in (project / "monitoring/decide.py").read_text()
    assert len(git(project, "worktree", "list").splitlines()) == 1


def test_what_cannot_be_merged_is_left_alone(folders, tmp_path):
    """Injected: uncommitted changes, no template, no such template, and a history without the base."""
    project, later = folders
    readme = (project / "README.md").read_text()
    (project / "README.md").write_text("changed")
    assert "commit your changes first: README.md" in taken(project, later).stderr
    (project / "README.md").write_text(readme)
    assert "update-template: " in taken(project, later / "nowhere").stderr
    other = tmp_path / "other"
    (other / "extras").mkdir(parents=True)
    shutil.copytree(project / "extras" / "project", other / "extras" / "project")
    git(other, "init", "-q")
    commit(other)
    assert "the base of a merge is not known" in taken(other, later).stderr


def test_the_files_of_the_user_are_declared():
    """What the table and the user decide."""
    assert set(update.YOURS) >= {"src/*/dataset.py", "src/*/features.py", "pipelines/collect.py", "README.md"}
