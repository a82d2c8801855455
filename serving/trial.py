"""A candidate is tried in a process of its own first: one that crashes, hangs or eats memory there harms nobody."""

import resource
import subprocess
import sys
from pathlib import Path

from flights.registry import ModelRefused, load, model_folder

TRIAL_SECONDS = 30.0  # loading and 100 golden predictions take well under one
TRIAL_BYTES = 4 * 1024**3  # address space of the trial


def main() -> None:
    """Load one version, with its golden predictions, or say why not."""
    resource.setrlimit(resource.RLIMIT_AS, (TRIAL_BYTES, TRIAL_BYTES))
    try:
        load(Path(sys.argv[1]), int(sys.argv[2]))
    except ModelRefused as refusal:
        sys.exit(str(refusal))


def check_in_trial(models_dir: Path, version: int, seconds: float = TRIAL_SECONDS) -> None:
    """Load a version in another process.

    Raises
    ------
    ModelRefused
        It was refused there, or that process crashed, or did not end.
    """
    command = [sys.executable, "-m", "serving.trial", str(models_dir), str(version)]
    folder = model_folder(models_dir, version)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ModelRefused(f"{folder}: its trial did not end within {seconds:g} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise ModelRefused(f"{folder}: its trial ended with {done.returncode}: {last}")


if __name__ == "__main__":
    main()
