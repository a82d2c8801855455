"""The feature store's jobs: events of the source, materialize, parity; and what benchmarks and drills ask it for."""

from pathlib import Path
from typing import Any


def key_load(data_dir: Path, keys: int) -> Any:
    """A filled store in a data folder, and requests by key, for `make bench-serve`."""
    from extras.feature_store.load import KeyLoad

    return KeyLoad(data_dir, keys)
