"""Where a model comes from: code, data, contract, lock and seed."""

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from flights.artifacts import read_json, sha256
from flights.config import Settings
from flights.contract import schema_digest
from flights.files import MANIFEST_FILE

LOCK = Path("requirements.lock")

ROOT = Path(__file__).parents[2]


def provenance(settings: Settings) -> dict[str, Any]:
    """Everything that decided what the model became."""
    return {
        "as_of": str(settings.as_of),
        "seed": settings.seed,
        **code_version(settings),
        "data_digest": sha256(settings.splits_dir / MANIFEST_FILE),
        "schema_digest": schema_digest(),
        "lock_digest": sha256(LOCK),
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


def data_source(settings: Settings) -> str:
    """Name and version of the rows' source, from collect's manifest."""
    path = settings.raw_dir / MANIFEST_FILE
    source = read_json(path, "run `make collect`").get("source", "") if path.is_file() else ""
    return " ".join(map(str, source.values() if isinstance(source, dict) else [source])) or "not recorded"
