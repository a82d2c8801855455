"""A good candidate's evaluation inputs, and ways to make one part of them bad."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flights import model, portable
from flights.artifacts import read_json, write_json
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import LOCATION, OUTCOMES
from flights.files import TRAIN_FIRST, TRAINING_FILE
from flights.ranking import Vector
from pipelines import check
from pipelines.evaluation import holdout
from pipelines.evaluation.inputs import (
    CHAMPION,
    EvaluationInputs,
    ModelScores,
    candidate_folder,
    collect_evidence,
    load_trained,
)
from pipelines.rows import features_of, labelled_rows
from pipelines.training.recalibration import expit, logit

SAMPLE_EVERY = 4  # every Nth row is enough to show a failure
READ_FROM_FILES = ("exported", "leakage", "origin")  # families of checks
LEAK = next(column.name for column in OUTCOMES if column.kind == "number")


@dataclass(frozen=True)
class Fixture:
    """The newest candidate's inputs and folder, rows to train on, and the settings."""

    good: EvaluationInputs
    folder: Path
    train: pd.DataFrame
    settings: Settings

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return self.settings.seed


Build = Callable[[Fixture], EvaluationInputs]


@dataclass(frozen=True)
class BadCandidate:
    """One candidate: how it is made, and the criterion that must block it; none if it must pass."""

    build: Build
    criterion: str = ""

    @property
    def description(self) -> str:
        """What is wrong with it."""
        return (self.build.__doc__ or "").splitlines()[0]


def named(criteria: dict[Build, str]) -> dict[str, BadCandidate]:
    """Candidates by the name of the function that makes them."""
    return {build.__name__.replace("_", " "): BadCandidate(build, name) for build, name in criteria.items()}


def read_fixture(settings: Settings) -> Fixture:
    """Collect the newest candidate's evidence on a sample of the holdout; the access is logged."""
    folder = candidate_folder(settings)
    rows = holdout.read_holdout(settings, "gallery", folder)
    inputs = collect_evidence(settings, folder, rows.iloc[::SAMPLE_EVERY].reset_index(drop=True))
    scores = {name: each for name, each in inputs.scores.items() if name != CHAMPION}
    good = replace(inputs, champion=None, champion_unloadable="", scores=scores)
    return Fixture(good, folder, labelled_rows(settings, "train")[::SAMPLE_EVERY], settings)


def with_probabilities(inputs: EvaluationInputs, probabilities: Vector) -> EvaluationInputs:
    """The inputs of a candidate with other probabilities."""
    ours = replace(inputs.scores[model.CANDIDATE], probabilities=probabilities)
    return replace(inputs, scores={**inputs.scores, model.CANDIDATE: ours}, uncalibrated=probabilities)


def with_properties(inputs: EvaluationInputs, **properties: Any) -> EvaluationInputs:
    """The inputs of a candidate with other properties."""
    return replace(inputs, properties={**inputs.properties, **properties})


def with_measured(inputs: EvaluationInputs, family: str, **changes: Any) -> EvaluationInputs:
    """The inputs with what a family of checks measures of a candidate that is changed in some part."""
    return with_properties(inputs, **check.properties(replace(inputs, **changes), [family]))


def with_champion(inputs: EvaluationInputs, champion: ModelScores) -> EvaluationInputs:
    """The inputs of a candidate that has a champion to be compared with."""
    return replace(inputs, champion=1, scores={**inputs.scores, CHAMPION: champion})


def with_rows(inputs: EvaluationInputs, kept: Any) -> EvaluationInputs:
    """The inputs on some of their rows."""
    scores = {name: replace(each, probabilities=each.probabilities[kept]) for name, each in inputs.scores.items()}
    rows = inputs.rows[kept].reset_index(drop=True)
    trained, uncalibrated = inputs.trained[kept], inputs.uncalibrated[kept]
    return replace(inputs, rows=rows, scores=scores, trained=trained, uncalibrated=uncalibrated)


def reread(fixture: Fixture, spoil: Callable[[Path], object], *, require_clean_tree: bool = False) -> EvaluationInputs:
    """The inputs of a candidate whose files were changed, read as evaluation reads them."""
    rows = fixture.good.rows
    settings = fixture.settings.model_copy(update={"require_clean_tree": require_clean_tree})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(fixture.folder, Path(temporary) / "candidate"))
        spoil(folder)
        score = portable.load(folder)
        spoiled = replace(
            with_probabilities(fixture.good, score(as_arrays(rows))),
            settings=settings,
            folder=folder,
            training=read_json(folder / TRAINING_FILE, TRAIN_FIRST),
            trained=load_trained(folder, model.CANDIDATE).predict_proba(features_of(rows))[:, 1],
        )
        return with_properties(spoiled, **check.properties(spoiled, READ_FROM_FILES))


def with_record(folder: Path, **changes: Any) -> None:
    """Change training.json."""
    record = folder / TRAINING_FILE
    write_json(record, read_json(record, TRAIN_FIRST) | changes)


def with_tables(folder: Path, change: Callable[[dict[str, float]], dict[str, float]]) -> None:
    """Change the rates of the first category in the exported model."""
    content = read_json(folder / portable.TABLES, TRAIN_FIRST)
    name = next(iter(content["tables"]))
    content["tables"][name] = change(content["tables"][name])
    write_json(folder / portable.TABLES, content)


def good_scores(fixture: Fixture) -> Vector:
    """The good candidate's probabilities."""
    return fixture.good.scores[model.CANDIDATE].probabilities


def trained_on(
    fixture: Fixture, rows: pd.DataFrame, y_train: Vector, extra: str = ""
) -> Callable[[pd.DataFrame], Vector]:
    """Scores of a candidate trained on other rows, other labels, or one more column."""

    def view(each: pd.DataFrame) -> pd.DataFrame:
        return features_of(each).assign(**{extra: each[extra].to_numpy()} if extra else {})

    pipeline = model.build_model(model.CANDIDATE, fixture.seed)
    pipeline.set_params(trees__monotonic_cst=None).fit(view(rows), y_train)
    return lambda rows: np.asarray(pipeline.predict_proba(view(rows))[:, 1])


def noisy(fixture: Fixture, size: float) -> Vector:
    """The good log-odds with noise."""
    random = np.random.default_rng(fixture.seed)
    odds = logit(good_scores(fixture))
    return expit(odds + random.normal(0, size, len(odds)))


def at_one_place(fixture: Fixture, probabilities: Vector) -> Vector:
    """Other probabilities at the most frequent place, the good ones elsewhere."""
    place = fixture.good.rows[LOCATION]
    return np.where(place == place.mode()[0], probabilities, good_scores(fixture))
