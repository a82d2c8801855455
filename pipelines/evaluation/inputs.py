"""Everything that the verdict on a candidate rests on, collected on the holdout once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from flights import model, portable, registry
from flights.artifacts import read_json
from flights.columns import Columns
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.files import CANDIDATE_FILE, TRAIN_FIRST, TRAINING_FILE
from flights.ranking import Vector
from pipelines import check
from pipelines.rows import features_of, local_days

CHAMPION = "champion"


@dataclass(frozen=True)
class ModelScores:
    """One model's probabilities on the holdout, with its decision threshold."""

    probabilities: Vector
    threshold: float

    @property
    def invalid(self) -> int:
        """Number of probabilities outside [0, 1] or NaN."""
        return int((~((self.probabilities >= 0) & (self.probabilities <= 1))).sum())


@dataclass(frozen=True)
class EvaluationInputs:
    """The evidence about one candidate. The gate self-test replaces one part after the other by a bad one."""

    settings: Settings
    folder: Path  # the candidate's
    training: Mapping[str, Any]  # training.json
    rows: pd.DataFrame  # of the holdout
    scores: Mapping[str, ModelScores]  # of every baseline, the exported candidate, and the champion
    trained: Vector  # the candidate's probabilities before it was exported
    uncalibrated: Vector  # and without its recalibration
    score: portable.Score  # the exported candidate
    champion: int | None
    champion_unloadable: str  # why this code cannot load it; empty if it can
    train: pd.DataFrame | None = None  # rows to train on once more, if not those of the split
    build: Callable[[str, int], Any] = model.build_model
    properties: Mapping[str, Any] = field(default_factory=dict)  # measured once by the gate's checks

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return self.settings.seed

    @cached_property
    def y_true(self) -> Vector:
        """The outcome of each row."""
        return targets(self.rows)

    @cached_property
    def days(self) -> Any:
        """The local day of each row."""
        return local_days(self.rows)


def candidate_folder(settings: Settings) -> Path:
    """The folder of the newest candidate."""
    pointer = read_json(settings.candidate_dir / CANDIDATE_FILE, TRAIN_FIRST)
    return settings.candidate_dir / str(pointer["folder"])


def collect_evidence(
    settings: Settings, folder: Path, rows: pd.DataFrame, train: pd.DataFrame | None = None
) -> EvaluationInputs:
    """Score the rows with every model, and measure the candidate's properties; `train` are rows to train twice on."""
    training = read_json(folder / TRAINING_FILE, TRAIN_FIRST)
    columns, features = as_arrays(rows), features_of(rows)
    trained = {name: load_trained(folder, name) for name in model.MODELS}
    probabilities = {name: each.predict_proba(features)[:, 1] for name, each in trained.items()}
    score = portable.load(folder)
    served = score(columns)
    scores = {name: ModelScores(probabilities[name], training["thresholds"][name]) for name in model.MODELS}
    scores[model.CANDIDATE] = ModelScores(served, training["thresholds"][model.CANDIDATE])
    champion = registry.champion(settings.models_dir)
    serving, unloadable = champion_scores(settings, champion, columns)
    if serving:
        scores[CHAMPION] = serving
    inputs = EvaluationInputs(
        settings=settings,
        folder=folder,
        training=training,
        rows=rows,
        scores=scores,
        trained=probabilities[model.CANDIDATE],
        uncalibrated=portable.recalibration(trained[model.CANDIDATE])[0].predict_proba(features)[:, 1],
        score=score,
        champion=champion,
        champion_unloadable=unloadable,
        train=train,
    )
    return replace(inputs, properties=check.properties(inputs))


def champion_scores(settings: Settings, champion: int | None, columns: Columns) -> tuple[ModelScores | None, str]:
    """The champion's scores, or why this code cannot load it (other features, a damaged file)."""
    if champion is None:
        return None, ""
    try:
        serving = registry.load(settings.models_dir, champion)
    except registry.ModelRefused as error:
        return None, str(error)
    scores = ModelScores(serving.score(columns), serving.threshold)
    if scores.invalid:
        return None, f"{scores.invalid:,} of its probabilities are outside [0, 1] or NaN"
    return scores, ""


def load_trained(folder: Path, name: str) -> Any:
    """Load a trained scikit-learn model; it may contain only the types of `model.trusted_types`."""
    import skops.io  # three seconds, which `promote` does not need

    return skops.io.load(folder / f"{name}.skops", trusted=model.trusted_types())
