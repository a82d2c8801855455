"""The candidate folder: the exported model, golden predictions, every trained model, and what they were made from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io

from flights import heuristic, model, portable
from flights.artifacts import read_json, sha256, write_json
from flights.config import Settings
from flights.contract import as_arrays, schema_digest
from flights.dataset import INPUTS
from flights.files import MANIFEST_FILE, TRAINING_FILE
from flights.model_files import check_golden, write_golden
from flights.plugins import hooks
from pipelines.rows import features_of
from pipelines.training.fitting import Fit

GOLDEN_ROWS = 100
UNSEEN_CATEGORY = "?"


def write_candidate(folder: Path, fits: Mapping[str, Fit], validation: pd.DataFrame, record: dict[str, Any]) -> None:
    """Write everything that evaluation and serving need, and check the exported models against the trained ones."""
    candidate = fits[model.CANDIDATE]
    portable.export(candidate.pipeline, folder)
    score = portable.load(folder)
    columns, features = as_arrays(validation), features_of(validation)
    theirs = candidate.pipeline.predict_proba(features)[:, 1]
    portable.check_parity(score(columns), theirs, portable.tolerance(folder))
    golden = golden_rows(validation)
    golden_features = features_of(golden)
    write_golden(folder, as_arrays(golden), candidate.pipeline.predict_proba(golden_features)[:, 1])
    check_golden(folder, score)
    if rule := fits.get(model.RULE):
        heuristic.export(rule.pipeline, rule.threshold, folder)
        portable.check_parity(heuristic.load(folder).score(columns), rule.pipeline.predict_proba(features)[:, 1])
    for name, fit in fits.items():
        skops.io.dump(fit.pipeline, folder / f"{name}.skops")
    content = {
        "threshold": candidate.threshold,
        "thresholds": {name: fit.threshold for name, fit in fits.items()},
        "fit_seconds": round(candidate.seconds, 2),
        "features": len(golden_features.columns),
        "recalibration": candidate.recalibration,
    }
    write_json(folder / TRAINING_FILE, {**content, **record})


def golden_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows spread over a frame; the last tenth has an unseen category and every nullable value missing."""
    golden = rows.iloc[np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(int)].reset_index(drop=True)
    odd = golden.index >= GOLDEN_ROWS * 9 // 10
    for column in INPUTS:
        if column.nullable:
            golden.loc[odd, column.name] = None
        elif column.pattern:
            golden.loc[odd, column.name] = UNSEEN_CATEGORY
        if column.personal:  # a published folder never changes, so nothing could be erased from it
            golden[column.name] = None if column.nullable else column.example
    return golden


def provenance(settings: Settings) -> dict[str, Any]:
    """Everything that decided what the model became; plug-ins add the code's version."""
    origin = {"as_of": str(settings.as_of), "seed": settings.seed}
    for describe in hooks("pipelines.extras", "provenance"):
        origin.update(describe(settings))
    return {**origin, "data_digest": sha256(settings.splits_dir / MANIFEST_FILE), "schema_digest": schema_digest()}


def data_source(settings: Settings) -> str:
    """Name and version of the rows' source, from collect's manifest."""
    path = settings.raw_dir / MANIFEST_FILE
    source = read_json(path, "run `make collect`").get("source", "") if path.is_file() else ""
    return " ".join(map(str, source.values() if isinstance(source, dict) else [source])) or "not recorded"
