"""Where a model comes from: code, data, contract, lock and seed."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from flights.artifacts import read_json, sha256
from flights.config import Settings
from flights.contract import schema_digest
from flights.files import MANIFEST_FILE

LOCK = Path("requirements.lock")


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
    """Output of git; without git, GIT_COMMIT; if neither is set, the tree counts as dirty."""
    if shutil.which("git") is None:
        commit, _, changes = (os.environ.get("GIT_COMMIT") or "-unknown").partition("-")
        return commit if "HEAD" in args else changes
    return subprocess.run(["git", *args], capture_output=True, text=True, check=False).stdout.strip()


def data_source(settings: Settings) -> str:
    """Name and version of the rows' source, from collect's manifest."""
    path = settings.raw_dir / MANIFEST_FILE
    source = read_json(path, "run `make collect`").get("source", "") if path.is_file() else ""
    return " ".join(map(str, source.values() if isinstance(source, dict) else [source])) or "not recorded"
