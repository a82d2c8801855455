"""A data folder for one benchmark: what it runs reads copies of yours, and writes to nothing of yours."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from flights import registry
from flights.config import NAME

STEPS = ("collect", "validate", "split", "train", "evaluate", "promote")  # of `make train`
ELSEWHERE = (
    "PREDICTIONS_URL",
    "FEATURES_URL",
    "MLFLOW_TRACKING_URI",
    "WEBHOOK_URL",
    "SERVER_URL",
)  # written to outside of DATA_DIR


@contextmanager
def scratch_settings(models_dir: Path) -> Iterator[dict[str, str]]:
    """Environment variables for a temporary data folder, with a copy of the champion if there is one."""
    with TemporaryDirectory() as folder:
        version = registry.champion(models_dir)
        if version is not None:
            own, history = Path(folder) / "3_models", models_dir / NAME / "history"
            shutil.copytree(registry.model_folder(models_dir, version), registry.model_folder(own, version))
            shutil.copytree(history, own / NAME / "history")
        yield {"DATA_DIR": folder} | dict.fromkeys(ELSEWHERE, "")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
