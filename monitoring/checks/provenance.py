"""Whether dependencies, the contract and the data are still those that the model was trained with.

None of these changes by itself, so a difference needs no action, but you should know of it.
"""

import re
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pandas as pd

from flights.artifacts import sha256
from flights.config import Settings
from flights.contract import schema_digest
from flights.files import LOCK_FILE, MANIFEST_FILE
from monitoring.check import Check
from monitoring.view import View

LOCK = Path(LOCK_FILE)
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)


def checks(view: View) -> list[Check]:
    """What has changed since training."""
    return changes(view.settings, view.model.manifest, view.rows["day"].max())


def changes(settings: Settings, manifest: dict[str, Any], day: pd.Timestamp) -> list[Check]:
    """One check for each thing that a model's manifest names; its only value is that of today."""
    splits = settings.data_dir / "2_splits" / str(manifest["as_of"]) / MANIFEST_FILE
    found = {
        "lock changed since training": _differs(LOCK, manifest.get("lock_digest")),
        "data changed since training": _differs(splits, manifest.get("data_digest")),
        "contract changed since training": int(schema_digest() != manifest.get("schema_digest")),
        "packages other than locked": len(unlocked(LOCK.read_text())) if LOCK.is_file() else 0,
    }
    return [
        Check(name, "provenance", "", pd.Series({day: float(count)}), high=0, needed=1, of=1)
        for name, count in found.items()
    ]


def _differs(path: Path, digest: str | None) -> int:
    """Whether a file has another digest; a missing file, as in a container, has not."""
    return int(path.is_file() and sha256(path) != digest)


def unlocked(lock: str) -> list[str]:
    """Installed packages whose version is not in the lock, although the package is."""
    pins: dict[str, set[str]] = {}
    for name, version in PIN.findall(lock):
        pins.setdefault(_canonical(name), set()).add(version)
    return sorted(name for name, version in _installed().items() if version not in pins.get(name, {version}))


@cache
def _installed() -> dict[str, str]:
    """The version of each package of this environment, which stays the same while the process runs."""
    return {_canonical(each.name): each.version for each in distributions()}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
