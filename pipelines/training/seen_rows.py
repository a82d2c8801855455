"""Digests of every row that a training saw, so that evaluation finds those rows in the holdout under any name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import EVENT_TIME, INPUTS, targets

FILE = "seen.npy"
Digests = NDArray[np.uint64]


def row_digests(rows: pd.DataFrame) -> Digests:
    """One number for each row's inputs and target; the row's key does not count."""
    content = rows[[column.name for column in INPUTS]].assign(target=targets(rows))
    return np.asarray(pd.util.hash_pandas_object(content, index=False), np.uint64)


def write_seen_rows(folder: Path, *parts: pd.DataFrame) -> dict[str, str]:
    """Write the digests of the rows that a training saw; return the time of the last one."""
    np.save(folder / FILE, np.sort(np.concatenate([row_digests(part) for part in parts])))
    return {"seen_until": str(max(part[EVENT_TIME].max() for part in parts))}


def holdout_overlap(folder: Path, training: Mapping[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    """How many of some rows a training saw, and how many days before the first of them it ended."""
    gap = rows[EVENT_TIME].min() - pd.Timestamp(training["seen_until"])
    return {
        "rows_seen_in_training": int(np.isin(row_digests(rows), np.load(folder / FILE)).sum()),
        "days_after_training": gap.total_seconds() / 86_400,
    }
