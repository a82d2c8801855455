"""Preflight: a new model is loaded in a child process first, so that a crash, a hang or memory use there harms no one.

The first load of a start has nothing to protect and skips it, unless the last start did not survive its champion.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flights.registry import ModelRefused, load, model_folder
from serving.service import Service

LOADING = "loading"  # file that exists while a start loads its champion
PREFLIGHT_SECONDS = 30.0  # loading and 100 golden predictions take well under one
PREFLIGHT_BYTES = 4 * 1024**3  # address space of the child
CODE = "import sys; from serving.extras.preflight import load_limited; load_limited(sys.argv[1], int(sys.argv[2]))"


def plug_in(service: Service) -> None:
    """Check every model before the service loads it."""
    service.holder.preflight = Preflight(service.settings.data_dir / "4_predictions")
    service.background.append(service.holder.preflight.started)


class Preflight:
    """Remembers whether the service has started, and whether the last start survived."""

    def __init__(self, folder: Path):
        self._mark = folder / LOADING
        self._is_start = True

    async def started(self) -> None:
        """From now on there is something to protect."""
        self._is_start = False

    @contextmanager
    def __call__(self, models_dir: Path, version: int) -> Iterator[None]:
        """Check a model before it is loaded in the block."""
        if not self._is_start:
            check_in_child(models_dir, version)
            yield
            return
        careful = self._mark.exists()
        try:
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.touch()
        except OSError:  # without a memory, be careful every time
            careful = True
        if careful:
            check_in_child(models_dir, version)
        yield
        with suppress(OSError):
            self._mark.unlink(missing_ok=True)


def load_limited(models_dir: str, version: int) -> None:
    """Load one version, with its golden predictions, in limited memory; exit with the reason if it is rejected."""
    resource.setrlimit(resource.RLIMIT_AS, (PREFLIGHT_BYTES, PREFLIGHT_BYTES))
    try:
        load(Path(models_dir), version)
    except ModelRefused as error:
        sys.exit(str(error))


def check_in_child(models_dir: Path, version: int, seconds: float = PREFLIGHT_SECONDS) -> None:
    """Load a version in a child process.

    Raises
    ------
    ModelRefused
        It was rejected there, or the process crashed or did not end.
    """
    command = [sys.executable, "-c", CODE, str(models_dir), str(version)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    folder = model_folder(models_dir, version)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ModelRefused(f"{folder}: its preflight did not end within {seconds:g} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise ModelRefused(f"{folder}: its preflight ended with {done.returncode}: {last}")
