"""Which code made a model: its commit, the lock and the Python."""

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from flights.artifacts import sha256
from flights.config import Settings
from flights.files import LOCK_FILE

ROOT = Path(__file__).parents[2]


def provenance(settings: Settings) -> dict[str, Any]:
    """What a training adds to its record."""
    return {
        **code_version(settings),
        "lock_digest": sha256(Path(LOCK_FILE)),
        "python": platform.python_version(),
    }


def code_version(settings: Settings) -> dict[str, Any]:
    """The commit of the code, and whether the tree had uncommitted changes."""
    return {
        "git_commit": git("rev-parse", "HEAD") or settings.git_commit,
        "git_dirty": bool(git("status", "--porcelain")),
    }


def git(*args: str) -> str:
    """Output of git; without a repository of our own, GIT_COMMIT; if neither is there, the tree counts as dirty."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:  # a folder above may be another repository
        commit, _, changes = (os.environ.get("GIT_COMMIT") or "-unknown").partition("-")
        return commit if "HEAD" in args else changes
    own = {
        name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}
    }
    own["GIT_CEILING_DIRECTORIES"] = str(ROOT.parent)
    done = subprocess.run(["git", "-C", ROOT, *args], env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        warn(done.stderr.strip().partition("\n")[0])
        return "" if "HEAD" in args else "unknown"
    return done.stdout.strip()


@cache
def warn(reason: str) -> None:
    """Say once why git does not answer."""
    print(f"warning: the commit is not recorded, and the tree counts as dirty: {reason}", file=sys.stderr)
