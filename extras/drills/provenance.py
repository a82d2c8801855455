"""Where a champion comes from: a commit of this repository, with nothing on top of it that nobody committed."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flights.config import Settings
from flights.files import TRAIN_FIRST
from flights.registry import champion, load


class NotTraceable(ValueError):
    """Nobody can say from which code a model came."""


def main() -> None:
    """Say where the champion comes from; exit code 1 if nobody can."""
    settings = Settings()
    version = champion(settings.models_dir)
    if version is None:
        sys.exit(f"no champion yet: {TRAIN_FIRST}")
    try:
        print(f"champion {version} comes from {traced(load(settings.models_dir, version).manifest, Path.cwd())}")
    except NotTraceable as problem:
        sys.exit(f"champion {version}: {problem}")


def traced(manifest: Mapping[str, Any], root: Path) -> str:
    """The commit of a model and its first line.

    Raises
    ------
    NotTraceable
        There is none, the repository does not have it, or there were uncommitted changes.
    """
    commit = str(manifest.get("git_commit") or "")
    if not commit:
        raise NotTraceable("expected a commit, got none: train in the repository")
    if manifest.get("git_dirty", True):
        raise NotTraceable(f"trained on {commit[:12]} with uncommitted changes: commit them and train again")
    words = ["git", "log", "-1", "--format=%h %s", commit]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotTraceable(f"expected a commit of this repository, got {commit[:12]}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
