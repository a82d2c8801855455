"""Gate check: training knew nothing of the holdout, and no column gives the outcome away.

Training leaves digests of every row that it saw, so that those rows are found in the holdout under any name.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.config import MAX_PLAUSIBLE_ROC_AUC, WATERMARK_HOURS
from flights.dataset import EVENT_TIME, INPUTS, targets
from pipelines.check import Criterion, Evidence
from pipelines.evaluation.inputs import EvaluationInputs

FILE = "seen.npy"
Digests = NDArray[np.uint64]


def row_digests(rows: pd.DataFrame) -> Digests:
    """One number for each row's inputs and target; the row's key does not count."""
    content = rows[[column.name for column in INPUTS]].assign(target=targets(rows))
    return np.asarray(pd.util.hash_pandas_object(content, index=False), np.uint64)


def record(folder: Path, *parts: pd.DataFrame, before: Path | None = None) -> dict[str, str]:
    """Write the digests of the rows that a training saw; return the time of the last one."""
    digests = [row_digests(part) for part in parts]
    digests += [np.load(before / FILE)] if before else []
    np.save(folder / FILE, np.sort(np.concatenate(digests)))
    return {"seen_until": str(max(part[EVENT_TIME].max() for part in parts))}


def properties(inputs: EvaluationInputs) -> dict[str, Any]:
    """How many of the rows training saw, and how many days before the first of them it ended."""
    gap = inputs.rows[EVENT_TIME].min() - pd.Timestamp(inputs.training["seen_until"])
    return {
        "rows_seen_in_training": int(np.isin(row_digests(inputs.rows), np.load(inputs.folder / FILE)).sum()),
        "days_after_training": gap.total_seconds() / 86_400,
    }


def clean_holdout(evidence: Evidence) -> str:
    """Fail if training saw rows of the holdout, or if it begins before training's last outcome is known."""
    if seen := evidence.measured["rows_seen_in_training"]:
        return f"training has seen {seen:,} rows of the holdout"
    hours = 24 * evidence.measured["days_after_training"]
    if hours >= WATERMARK_HOURS:  # false for NaN
        return ""
    return (
        f"the holdout starts {hours:.0f} hours after training's last row, whose outcome may take {WATERMARK_HOURS} "
        "hours to arrive: split with a larger GAP_DAYS"
    )


def not_too_good(evidence: Evidence) -> str:
    """Fail what is better than honest models can be."""
    value = evidence.metrics["roc_auc"].value
    return "" if value <= MAX_PLAUSIBLE_ROC_AUC else f"it is {value:.3f}: look for a column that knows the outcome"


CRITERIA = (
    Criterion("clean_holdout", "The holdout comes after everything that training saw.", clean_holdout),
    Criterion("not_too_good", f"ROC-AUC is at most {MAX_PLAUSIBLE_ROC_AUC}: more would be a leak.", not_too_good),
)
