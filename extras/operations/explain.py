"""Explain: replay one logged request step by step, from what was sent to the probability that was served.

Everything is computed again, by the version that answered, and compared with the log: an explanation of another number
than the one that was served is refused.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from rich.columns import Columns as Side
from rich.console import Console
from rich.table import Table

from flights import heuristic, model, portable, registry
from flights.artifacts import sha256
from flights.config import NAME, Settings
from flights.dataset import INPUTS, POSITIVE
from flights.feature_set import build_features
from flights.log_reader import engine, logged_prediction
from flights.predictions import Prediction
from flights.registry import ModelRefused
from flights.rows import as_columns

TOLERANCE = 1e-6  # the largest difference from the served probability that still counts as the same


class NotExplained(RuntimeError):
    """The log and the models do not give back the number that was served."""


@dataclass(frozen=True)
class Explanation:
    """One prediction, step by step; contributions are in log-odds and add up."""

    request_id: str
    answered_at: str
    served_by: str
    model_version: int
    inputs: dict[str, Any]
    features: dict[str, Any]
    encoded: dict[str, float]
    base: float  # what the model says of a flight that it knows nothing of
    contributions: dict[str, float]
    probability: float
    served: float
    threshold: float


def main() -> None:
    """Explain one request."""
    parser = argparse.ArgumentParser(prog="make explain", description=__doc__)
    parser.add_argument("request_id", help="the name in the answer")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    args = parser.parse_args()
    try:
        found = explanation(Settings.read(), args.request_id)
    except (NotExplained, ModelRefused) as refusal:
        sys.exit(f"not explained: {refusal}")
    if args.json:
        print(json.dumps(asdict(found), indent=2))
    else:
        show(found, Console())


def explanation(settings: Settings, request_id: str) -> Explanation:
    """Compute a logged prediction again, and why it is what it is.

    Raises
    ------
    NotExplained
        There is no such prediction, or computing it again gives another number.
    ModelRefused
        The version that answered does not verify any more.
    """
    log = engine(settings.log_url)
    row = logged_prediction(log, request_id)
    log.dispose()
    if row is None:
        raise NotExplained(f"no prediction {request_id} in the log: `make serve`, and take the request_id of an answer")
    answering = answered(settings.models_dir, row)
    if answering.digest != row.model_digest:
        raise NotExplained(
            f"version {row.model_version} has digest {answering.digest}, the log says {row.model_digest}"
        )
    inputs = json.loads(row.inputs)
    columns = as_columns([inputs])
    probability = float(answering.score(columns)[0])
    if not abs(probability - row.probability) <= TOLERANCE:
        raise NotExplained(
            f"served was {row.probability}, and the logged inputs give {probability}: the row was altered"
        )
    features = pd.DataFrame(build_features(columns))
    encoded, base, contributions = shares(answering, features, probability)
    return Explanation(
        row.request_id, row.answered_at, row.served_by, row.model_version, inputs, plain(features), encoded, base,
        contributions, probability, row.probability, row.threshold,
    )  # fmt: skip


def answered(models_dir: Path, row: Prediction) -> registry.Model:
    """The model that answered, verified; the heuristic is in the folder of a model, and is known by its digest."""
    if row.model_version != heuristic.VERSION:
        return registry.load(models_dir, row.model_version)
    for file in sorted((models_dir / NAME).glob(f"[0-9]*/{heuristic.FILE}")):
        if sha256(file) == row.model_digest:
            return heuristic.load(file.parent)
    raise NotExplained(f"no published version has the heuristic that answered, {row.model_digest}")


def shares(
    answering: registry.Model, features: pd.DataFrame, served: float
) -> tuple[dict[str, float], float, dict[str, float]]:
    """The encoded features, the base, and each feature's share of the log-odds; the heuristic is all base.

    Raises
    ------
    NotExplained
        The shares do not add up to the probability.
    """
    if answering.version == heuristic.VERSION:
        return {}, float(np.log(served / (1 - served))), {}
    import shap

    # Its digest was verified, and what may be in it is a list of our own.
    pipeline = skops.io.load(answering.folder / f"{model.CANDIDATE}.skops", trusted=model.trusted_types())
    pipeline, slope, shift = portable.recalibration(pipeline)
    if "trees" not in pipeline.named_steps:
        raise NotExplained("the champion has no boosted trees, and only those are explained: read its coefficients")
    encode, trees = pipeline.named_steps["encode"], pipeline.named_steps["trees"]
    names = [name.split("__", 1)[1] for name in encode.get_feature_names_out()]
    matrix = np.asarray(encode.transform(features), np.float64)
    explainer = shap.TreeExplainer(trees)
    base = slope * float(np.ravel(explainer.expected_value)[0]) + shift
    values = slope * explainer.shap_values(matrix, check_additivity=False)[0]
    total = 1 / (1 + np.exp(-(base + values.sum())))
    if not abs(total - served) <= TOLERANCE:
        raise NotExplained(f"the contributions add up to {total}, served was {served}")
    return dict(zip(names, matrix[0].tolist(), strict=True)), base, dict(zip(names, values.tolist(), strict=True))


def plain(features: pd.DataFrame) -> dict[str, Any]:
    """One row of features as JSON has it."""
    row = features.astype(object).where(features.notna(), None).iloc[0]
    return {str(name): value for name, value in row.items()}


def show(found: Explanation, console: Console) -> None:
    """Print the steps for a person."""
    console.print(
        f"[bold]{found.request_id}[/]: {found.served:.1%} {POSITIVE}, "
        f"{'an alert' if found.served >= found.threshold else 'no alert'} (from {found.threshold:.1%}); "
        f"{found.served_by}, version {found.model_version}, at {found.answered_at}"
    )
    console.print("\n[bold]1  As it was logged[/]")
    units = {column.name: column.unit for column in INPUTS}
    console.print(
        Side(
            [
                f"{name} [cyan]{written(value)}[/] {units[name] if value is not None else ''}"
                for name, value in found.inputs.items()
            ]
        )
    )
    console.print("\n[bold]2  Features, what the model was given for them, and what each added to the log-odds[/]")
    console.print(steps(found))
    total = found.base + sum(found.contributions.values())
    console.print(
        f"\n[bold]3  Together[/]  {found.base:+.4f} to begin with, {total - found.base:+.4f} from the features"
    )
    console.print(f"   makes {total:+.4f} in log-odds, which is {found.probability:.6f}; served was {found.served:.6f}")


def steps(found: Explanation) -> Table:
    """Features with their contributions, the largest first."""
    table = Table("feature", "value", "given", "added", "")
    largest = max((abs(share) for share in found.contributions.values()), default=1.0)
    for name, share in sorted(found.contributions.items(), key=lambda item: -abs(item[1])):
        bar = f"[{'red' if share > 0 else 'green'}]{'█' * round(20 * abs(share) / largest)}[/]"
        table.add_row(name, written(found.features[name]), written(found.encoded[name]), f"{share:+.4f}", bar)
    return table


def written(value: Any) -> str:
    """A value as a person reads it."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is what differs from itself
        return "missing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
