"""The feature store's jobs: events of the source, materialize, parity; and what benchmarks and drills ask it for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def key_load(data_dir: Path, keys: int) -> Any:
    """A filled store in a data folder, and requests by key, for `make bench-serve`."""
    from extras.feature_store.load import KeyLoad

    return KeyLoad(data_dir, keys)


def more_drills() -> dict[str, Callable[[Any], tuple[str, str, str]]]:
    """Drills by name, for `make drill`; each takes the settings of a copy."""
    from extras.feature_store.drills import clock_skew, materializer_stops

    return {"materializer-stops": materializer_stops, "clock-skew": clock_skew}
