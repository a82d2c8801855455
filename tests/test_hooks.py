"""The hooks say what people and CI say, and refuse what they refuse."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.swap.swapped import mark_installed

pytestmark = pytest.mark.exhibit

ROOT = Path(__file__).parents[1]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
PRE_COMMIT = ROOT / ".venv-tools" / "bin" / "pre-commit"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files under version control in a new repository, with this environment, which counts as up to date."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    for name in ("requirements.lock", "pyproject.toml"):
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if not part.name.startswith("installed"):
            (tmp_path / ".venv" / part.name).symlink_to(part)
    mark_installed(tmp_path / ".venv")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    return tmp_path


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    someone = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath=.git/hooks"]
    return subprocess.run(["git", *someone, *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_every_hook_is_a_make_target(hook):
    """A hook that says something else than the Makefile would drift from it."""
    word, target = hook["entry"].split()
    assert word == "make"
    rules = (ROOT / "Makefile").read_text() + (ROOT / "deploy" / "targets.mk").read_text()
    assert re.search(rf"^{target}:.*#[#-] ", rules, re.MULTILINE)


def test_a_planted_lint_fault_is_refused_by_the_hooks_command(clone):
    """Planted: an import that nobody uses."""
    entry = next(hook["entry"] for hook in HOOKS if hook["id"] == "lint")
    with (clone / "pipelines" / "step.py").open("a") as file:
        file.write("\n\nimport json\n")
    refused = subprocess.run(entry.split(), cwd=clone, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "pipelines/step.py" in refused.stdout
    assert "F401" in refused.stdout


def test_a_planted_stale_table_is_refused_by_the_hooks_command(clone):
    """Planted: a module that the diagram does not know; without it the same command has nothing to report."""
    entry = next(hook["entry"] for hook in HOOKS if hook["id"] == "tables").split()
    environment = os.environ | {"PYTHONPATH": f"{clone / 'src'}:{clone}"}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(entry, cwd=clone, env=environment, capture_output=True, text=True, check=False)

    assert run().returncode == 0
    (clone / "src" / "flights" / "novelty.py").write_text('"""Something new."""\n')
    refused = run()
    assert refused.returncode != 0
    assert "novelty" in refused.stdout


@pytest.mark.heavy
def test_a_commit_with_a_planted_fault_is_not_made(clone):
    """The installed hook itself: git makes no commit, and says why."""
    subprocess.run([PRE_COMMIT, "install"], cwd=clone, capture_output=True, check=True)
    with (clone / "pipelines" / "step.py").open("a") as file:
        file.write("\n\nimport json\n")
    git(clone, "add", "-A")
    refused = git(clone, "commit", "-q", "-m", "A fault")
    assert refused.returncode != 0
    assert "F401" in refused.stdout + refused.stderr
    assert git(clone, "log").returncode != 0, "there is no commit"
