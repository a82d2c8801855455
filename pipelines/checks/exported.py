"""Gate check: the exported model answers as the trained one does, and is fast and small."""

import time
from typing import Any

import numpy as np
import pandas as pd

from flights import model, portable
from flights.contract import as_arrays
from pipelines.check import Criterion, Evidence
from pipelines.evaluation.inputs import EvaluationInputs

MAX_ROW_MS = 20.0  # to score one row; 0.3 on a quiet machine
MAX_MODEL_MB = 5.0  # of the served files; 0.2 so far
TIMED_ROWS = 30


def properties(inputs: EvaluationInputs) -> dict[str, float]:
    """Largest difference from the trained model's probabilities, its limit, time for one row, and size of the files."""
    served = inputs.scores[model.CANDIDATE].probabilities
    files = [inputs.folder / name for name in (portable.TREES, portable.TABLES)]
    return {
        "parity": float(np.max(np.abs(served - inputs.trained))),
        "tolerance": portable.tolerance(inputs.folder),
        "row_ms": row_ms(inputs.score, inputs.rows),
        "model_mb": sum(file.stat().st_size for file in files) / 1e6,
    }


def row_ms(score: portable.Score, rows: pd.DataFrame) -> float:
    """Median time to score one row, in milliseconds."""
    times = []
    for place in range(min(TIMED_ROWS, len(rows))):
        columns = as_arrays(rows.iloc[place : place + 1])
        start = time.perf_counter()
        score(columns)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def same_probabilities(evidence: Evidence) -> str:
    """Fail if the exported model's probabilities differ from the trained model's."""
    parity, limit = evidence.measured["parity"], evidence.measured.get("tolerance", portable.TOLERANCE)
    return "" if parity <= limit else f"they differ by {parity:.2g} (limit {limit:g})"


def fast(evidence: Evidence) -> str:
    """Fail a model that is too slow."""
    found: Any = evidence.measured["row_ms"]
    return "" if found <= MAX_ROW_MS else f"one row takes {found:.0f} ms (limit {MAX_ROW_MS:g} ms)"


def small(evidence: Evidence) -> str:
    """Fail a model whose files are too large."""
    found: Any = evidence.measured["model_mb"]
    return "" if found <= MAX_MODEL_MB else f"they have {found:.1f} MB (limit {MAX_MODEL_MB:g})"


CRITERIA = (
    Criterion(
        "portable",
        f"The exported model matches the trained one to its family's tolerance, {portable.TOLERANCE:g} by default.",
        same_probabilities,
    ),
    Criterion("fast", f"It scores one row within {MAX_ROW_MS:g} ms.", fast),
    Criterion("small", f"The served files have at most {MAX_MODEL_MB:g} MB.", small),
)
