"""Properties of a candidate beyond its metrics: parity, repeatability, latency, size, origin."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flights import model, portable
from flights.artifacts import read_json
from flights.contract import as_arrays, schema_digest
from flights.dataset import targets
from flights.files import TRAIN_FIRST, TRAINING_FILE
from flights.ranking import Vector
from pipelines.rows import features_of, training_features
from pipelines.training.seen_rows import holdout_overlap

REPEATED_ROWS = 1000
TIMED_ROWS = 30
RETRAINED_ROWS = 5000


def scoring_properties(score: portable.Score, rows: pd.DataFrame, served: Vector, trained: Vector) -> dict[str, float]:
    """Differences of the exported model from the trained one and from itself, and its latency."""
    again = score(as_arrays(rows.head(REPEATED_ROWS)))
    return {
        "parity": float(np.max(np.abs(served - trained))),
        "repeat": float(np.max(np.abs(served[:REPEATED_ROWS] - again))),
        "row_ms": row_ms(score, rows),
    }


def folder_properties(folder: Path, rows: pd.DataFrame, require_clean_tree: bool) -> dict[str, Any]:
    """Size, origin, and whether training saw any of these rows, from a candidate's files."""
    training = read_json(folder / TRAINING_FILE, TRAIN_FIRST)
    return {
        "model_mb": sum((folder / name).stat().st_size for name in (portable.TREES, portable.TABLES)) / 1e6,
        "same_contract": training["schema_digest"] == schema_digest(),
        "uncommitted": uncommitted_reason(training) if require_clean_tree else "",
        **holdout_overlap(folder, training, rows),
    }


def uncommitted_reason(training: Mapping[str, Any]) -> str:
    """Why no commit holds the code of a training; empty if one does."""
    if training["git_dirty"]:
        return "the working tree had uncommitted changes: commit them and run `make train`"
    if re.fullmatch("[0-9a-f]{40}", training["git_commit"]):
        return ""
    return f"expected a commit, got {training['git_commit']!r}: train in the repository, or set GIT_COMMIT in an image"


def retraining_difference(rows: pd.DataFrame, seed: int, build: Callable[[str, int], Any] = model.build_model) -> float:
    """Largest difference between the probabilities of two trainings on the same rows."""

    def probabilities() -> Vector:
        trained = build(model.CANDIDATE, seed).fit(training_features(rows, seed), targets(rows))
        return np.asarray(trained.predict_proba(features_of(rows))[:, 1])

    return float(np.max(np.abs(probabilities() - probabilities())))


def row_ms(score: portable.Score, rows: pd.DataFrame) -> float:
    """Median time to score one row, in milliseconds."""
    times = []
    for place in range(min(TIMED_ROWS, len(rows))):
        columns = as_arrays(rows.iloc[place : place + 1])
        start = time.perf_counter()
        score(columns)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))
