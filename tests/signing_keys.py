"""Keys that sign and verify models."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def pair() -> dict[str, str]:
    """A new pair, as `make keys` prints it."""
    done = subprocess.run([sys.executable, ROOT / "deploy/keys.py"], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())
