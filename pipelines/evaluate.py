"""Evaluate: measure the candidate on the holdout beside every baseline and the champion, and ask the gate.

Opens the holdout once, on record. Publishes the candidate as an immutable, numbered version with its metrics, its
model card and the gate's verdict; whether it serves is `promote`'s business.
"""

import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io

from flights import model, portable, registry, tracking
from flights.artifacts import new_folder, read_json, sha256, write_json, write_parquet
from flights.columns import Columns
from flights.config import CADENCE_DAYS, Settings
from flights.contract import as_arrays, schema_digest
from flights.dataset import EVENT_TIME, INPUTS, ROWS, targets
from flights.evaluation import METRICS, metrics
from flights.files import (
    CADENCE_FILE,
    CANDIDATE_FILE,
    CARD_FILE,
    CARD_PAGE,
    EVALUATION_FILE,
    GATE_FILE,
    LABELS_FILE,
    METRICS_FILE,
    REFERENCE_FILE,
    TRAIN_FIRST,
    TRAINING_FILE,
)
from flights.model_files import write_manifest
from flights.ranking import RankedPredictions, Vector, rank
from flights.resampling import Interval, intervals, margin, resampled_metrics
from flights.signature import sign
from pipelines import calibration, card, gate, holdout, page, plots, slices
from pipelines.corruptions import CORRUPTIONS
from pipelines.memory import memory_mb
from pipelines.split import labelled, local_days
from pipelines.step import step
from pipelines.train import described, features_of, lessons

CHAMPION = "champion"
REPEATED_ROWS = 1000
TIMED_ROWS = 30
RETRAINED_ROWS = 5000
STRESSED = ("roc_auc", "brier", "calibration_error")


@dataclass(frozen=True)
class Answers:
    """One model's probabilities on the holdout, with its decision threshold."""

    probabilities: Vector
    threshold: float


@dataclass(frozen=True)
class Measured:
    """One model's metrics, and the same on resampled days."""

    rows: RankedPredictions
    values: Mapping[str, float]
    resampled: Mapping[str, Vector]


@dataclass(frozen=True)
class Case:
    """Everything that the verdict on a candidate rests on. The gallery spoils one part after the other."""

    training: Mapping[str, Any]  # what train left on record
    rows: pd.DataFrame  # of the holdout
    answers: Mapping[str, Answers]  # of every baseline, the candidate as it would serve, and the champion
    plain: Vector  # the candidate's probabilities without its recalibration
    silent: Mapping[str, Vector]  # and with each upstream feed silent
    corrupted: Mapping[str, Vector]  # and with what a client may send wrong
    traits: Mapping[str, Any]  # of the candidate, beyond its answers: the gate's evidence by name
    champion: int | None
    seed: int

    @cached_property
    def truth(self) -> Vector:
        """Who was late."""
        return targets(self.rows)

    @cached_property
    def days(self) -> Any:
        """The day of each row: what is resampled."""
        return local_days(self.rows)


def main() -> None:
    """Evaluate the candidate and publish it with the verdict."""
    settings = Settings()
    with step("evaluate") as said:
        folder = candidate_folder(settings)
        rows = holdout.opened(settings, "evaluate", folder.name, sha256(folder / TRAINING_FILE))
        case = gathered(settings, folder, rows)
        measured = measurements(case)
        report = {"as_of": str(settings.as_of), **evaluation(case, measured), "ledger": holdout.looks(settings)}
        report |= {"model_digest": sha256(folder / portable.TREES), **from_reports(settings.reports_dir)}
        version = published(settings, folder, report, case, measured)
        holdout.published(settings, folder.name, version)
        write_json(settings.candidate_dir / EVALUATION_FILE, report | {"version": version})
        said.read = f"{len(rows):,} {ROWS} of the holdout (look {report['ledger']['looks']}), {len(measured)} models"
        said.wrote = f"version {version}, which the gate {'passed' if report['passed'] else 'refused'}"


def from_reports(reports_dir: Path) -> dict[str, Any]:
    """What other commands found out, where they have run: the label audit, and how old a model may grow."""
    labels, cadence = reports_dir / LABELS_FILE, reports_dir / CADENCE_FILE
    known = read_json(cadence, "run `make backtest`")["greatest_age_days"] if cadence.is_file() else CADENCE_DAYS
    return {
        "labels": read_json(labels, "run `make labels`") if labels.is_file() else None,
        "greatest_age_days": known,
    }


def candidate_folder(settings: Settings) -> Path:
    """Where train left the newest candidate."""
    pointer = read_json(settings.candidate_dir / CANDIDATE_FILE, TRAIN_FIRST)
    return settings.candidate_dir / str(pointer["folder"])


def gathered(settings: Settings, folder: Path, rows: pd.DataFrame, learned: pd.DataFrame | None = None) -> Case:
    """Ask every model about the holdout, and the candidate's folder about the rest.

    Parameters
    ----------
    learned
        Rows to try whether a training repeats itself; those of train where none are given.
    """
    training = read_json(folder / TRAINING_FILE, TRAIN_FIRST)
    columns, features = as_arrays(rows), features_of(rows)
    trained = {name: fitted(folder, name) for name in model.MODELS}
    said = {name: each.predict_proba(features)[:, 1] for name, each in trained.items()}
    score = portable.load(folder)
    served = score(columns)
    answers = {
        name: Answers(served if name == model.CANDIDATE else said[name], training["thresholds"][name])
        for name in model.MODELS
    }
    champion = registry.champion(settings.models_dir)
    serving, unloadable = champion_answers(settings, champion, columns)
    answers |= {CHAMPION: serving} if serving else {}
    traits = {
        **answering_traits(score, rows, served, said[model.CANDIDATE]),
        **folder_traits(folder, rows, settings.require_clean_tree),
        "retrained": retrained(
            (labelled(settings, "train") if learned is None else learned).head(RETRAINED_ROWS), settings.seed
        ),
        "memory_mb": memory_mb(folder),
        "champion_unloadable": unloadable,
        "replace_champion": settings.replace_champion,
    }
    plain = calibration.without(trained[model.CANDIDATE]).predict_proba(features)[:, 1]
    silent = {feed: score(model.with_missing_feed(columns, feed)) for feed in model.feeds()}
    corrupted = {name: score(corrupt(columns)) for name, corrupt in CORRUPTIONS.items()}
    return Case(training, rows, answers, plain, silent, corrupted, traits, champion, settings.seed)


def answering_traits(score: portable.Score, rows: pd.DataFrame, served: Vector, trained: Vector) -> dict[str, float]:
    """How what is served answers: as it was trained, as it did before, and in what time."""
    return {
        "parity": float(np.max(np.abs(served - trained))),
        "repeat": float(np.max(np.abs(served[:REPEATED_ROWS] - score(as_arrays(rows.head(REPEATED_ROWS)))))),
        "row_ms": row_ms(score, rows),
    }


def folder_traits(folder: Path, rows: pd.DataFrame, require_clean_tree: bool) -> dict[str, Any]:
    """What a candidate's files say of it: size, origin, and whether it saw any of these rows."""
    training = read_json(folder / TRAINING_FILE, TRAIN_FIRST)
    return {
        "model_mb": sum((folder / name).stat().st_size for name in (portable.TREES, portable.TABLES)) / 1e6,
        "same_contract": training["schema_digest"] == schema_digest(),
        "uncommitted": uncommitted(training) if require_clean_tree else "",
        **holdout.cleanliness(folder, training, rows),
    }


def uncommitted(training: Mapping[str, Any]) -> str:
    """Why no commit holds the code of a training; empty where one does."""
    if training["git_dirty"]:
        return "the working tree had changes"
    if re.fullmatch("[0-9a-f]{40}", training["git_commit"]):
        return ""
    return f"expected a commit, got {training['git_commit']!r}: train in the repository, or set GIT_COMMIT in an image"


def retrained(rows: pd.DataFrame, seed: int, make: Callable[[str, int], Any] = model.build_model) -> float:
    """Largest difference between the answers of two trainings on the same rows."""

    def answers() -> Vector:
        fitted = make(model.CANDIDATE, seed).fit(lessons(rows, seed), targets(rows))
        return np.asarray(fitted.predict_proba(features_of(rows))[:, 1])

    return float(np.max(np.abs(answers() - answers())))


def champion_answers(settings: Settings, champion: int | None, columns: Columns) -> tuple[Answers | None, str]:
    """What the champion says of the holdout, or why this code cannot ask it (other features, a damaged file)."""
    if champion is None:
        return None, ""
    try:
        serving = registry.load(settings.models_dir, champion)
    except registry.ModelRefused as refusal:
        return None, str(refusal)
    found = Answers(serving.score(columns), serving.threshold)
    return (None, f"{invalid(found):,} of its probabilities are none") if invalid(found) else (found, "")


def fitted(folder: Path, name: str) -> Any:
    """Load one of scikit-learn's models of record; nothing but the types that we know may be in it."""
    return skops.io.load(folder / f"{name}.skops", trusted=model.TRUSTED_TYPES)


def row_ms(score: portable.Score, rows: pd.DataFrame) -> float:
    """Median time to score one row."""
    took = []
    for place in range(min(TIMED_ROWS, len(rows))):
        columns = as_arrays(rows.iloc[place : place + 1])
        start = time.perf_counter()
        score(columns)
        took.append(1000 * (time.perf_counter() - start))
    return float(np.median(took))


def measurements(case: Case) -> dict[str, Measured]:
    """Every model's metrics on the holdout, on the same resampled days; models with invalid answers are left out."""
    measured = {}
    for name, answer in case.answers.items():
        if not invalid(answer):
            rows = rank(case.truth, answer.probabilities, answer.threshold)
            measured[name] = Measured(rows, metrics(rows), resampled_metrics(rows, case.days, case.seed))
    return measured


def invalid(answer: Answers) -> int:
    """How many probabilities are none; NaN counts."""
    valid = (answer.probabilities >= 0) & (answer.probabilities <= 1)
    return int((~valid).sum())


def evaluation(case: Case, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """The evaluation report: metrics and margins with intervals, slices, calibration, and what each criterion said."""
    found = {name: intervals(each.values, each.resampled) for name, each in measured.items()}
    margins = {name: margin_intervals(measured, name) for name in measured if name != model.CANDIDATE}
    parts = slice_figures(case, measured)
    silent, corrupted = (
        {name: metrics(rank(case.truth, each), STRESSED) for name, each in spoiled.items()}
        for spoiled in (case.silent, case.corrupted)
    )
    checks = gate.checks(
        gate.Evidence(
            metrics=found.get(model.CANDIDATE, {}),
            fallback=found[model.RULE],
            margins=margins,
            slices=parts,
            silent=silent,
            champion=case.champion,
            invalid_probabilities=invalid(case.answers[model.CANDIDATE]),
            **case.traits,
        )
    )
    return {
        "champion": case.champion,
        "passed": all(check.passed for check in checks),
        "checks": [asdict(check) for check in checks],
        "holdout": described(case.rows),
        "metrics": {name: plain(each) for name, each in found.items()},
        "margins": {name: plain(each) for name, each in margins.items()},
        "slices": [asdict(each) for each in parts],
        "calibration": calibration_record(case, measured),
        "silent": silent,
        "corrupted": corrupted,
        "traits": dict(case.traits),
    }


def margin_intervals(measured: Mapping[str, Measured], other: str) -> dict[str, Interval]:
    """By how much the candidate is better than another model, per metric; none if it could not be measured."""
    if model.CANDIDATE not in measured:
        return {}
    ours, theirs = measured[model.CANDIDATE], measured[other]
    return {
        name: margin(name, ours.values[name], theirs.values[name], ours.resampled[name], theirs.resampled[name])
        for name in METRICS
    }


def slice_figures(case: Case, measured: Mapping[str, Measured]) -> list[slices.Slice]:
    """The candidate on every slice, beside the champion; none if it could not be measured."""
    if model.CANDIDATE not in measured:
        return []
    ours, champion = case.answers[model.CANDIDATE].probabilities, case.answers.get(CHAMPION)
    theirs = champion.probabilities if champion else None
    return slices.measured(case.rows, case.truth, case.days, ours, theirs, case.seed)


def calibration_record(case: Case, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Brier's parts and the reliability curve, and what recalibration, tried on validation, does here; kept or not."""
    if model.CANDIDATE not in measured:
        return {}
    rows, tried = measured[model.CANDIDATE].rows, case.training["recalibration"]
    recalibrated = calibration.expit(tried["slope"] * calibration.logit(case.plain) + tried["shift"])
    here = calibration.gains(case.truth, case.plain, recalibrated, case.days, case.seed)
    predicted, observed, size = calibration.reliability(rows)
    return {
        "brier_parts": calibration.brier_parts(rows),
        "curve": {"predicted": predicted.tolist(), "observed": observed.tolist(), "rows": size.tolist()},
        "kept": tried["kept"],
        "gains_on_validation": tried["gains"],
        "platt_on_holdout": plain(here),
    }


def plain(each: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    """Intervals as JSON."""
    return {name: asdict(figure) for name, figure in each.items()}


def reference_rows(case: Case) -> pd.DataFrame:
    """What the monitor compares the traffic with: the days just before it, whole, with what the model said of them.

    All of the holdout: alarms are set by how far one clean day is from another, and a sample would add its own noise.
    Without personal columns: nobody compares them, and a published folder could not forget them.
    """
    names = [column.name for column in INPUTS if not column.personal]
    ours = case.answers[model.CANDIDATE].probabilities
    return case.rows[names].assign(probability=ours, target=case.truth).sort_values(EVENT_TIME)


def published(
    settings: Settings,
    folder: Path,
    report: dict[str, Any],
    case: Case,
    measured: Mapping[str, Measured],
    reference: pd.DataFrame | None = None,
) -> int:
    """Register the candidate and publish its folder; an immutable version, whatever the gate said.

    Parameters
    ----------
    reference
        What the monitor compares traffic with, where that is not the rows that the gate judged on.
    """
    mlflow = tracking.connect(settings.models_dir, settings.mlflow_tracking_uri)
    training = case.training
    gate = {"gate": "passed" if report["passed"] else "refused"}
    version = tracking.register(mlflow, training["mlflow_model"], gate, settings.models_dir)
    with new_folder(registry.model_folder(settings.models_dir, version)) as temporary:
        shutil.copytree(folder, temporary, dirs_exist_ok=True)
        write_parquet(temporary / REFERENCE_FILE, reference_rows(case) if reference is None else reference)
        write_json(temporary / GATE_FILE, report)
        write_json(temporary / METRICS_FILE, report["metrics"].get(model.CANDIDATE, {}))
        plots.write_all(temporary, {name: each.rows for name, each in measured.items()}, report)
        (temporary / CARD_FILE).write_text(card.model_card(version, training, report))
        page.write(temporary / CARD_PAGE, temporary / CARD_FILE)
        manifest = write_manifest(temporary, version, training)
        if settings.model_signing_key:
            sign(manifest, settings.model_signing_key)
    folder = registry.model_folder(settings.models_dir, version)
    tracking.log_evaluation(mlflow, training["mlflow_run"], version, folder, report)
    return version


if __name__ == "__main__":
    main()
