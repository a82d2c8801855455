"""Evaluate: measure the candidate on the holdout beside every baseline and the champion, and ask the gate.

The one place that touches the holdout. Publishes the candidate as an immutable, numbered version with its metrics, its
model card and the gate's verdict; whether it serves is `promote`'s business.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io

from flights import model, portable, registry, tracking
from flights.artifacts import new_folder, read_json, read_parquet, sha256, write_json, write_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME, INPUTS, KEY, ROWS, ZONE, as_arrays, targets
from flights.evaluation import METRICS, Interval, Sorted, Vector, intervals, margin, metrics, resampled_metrics, sort
from flights.signature import sign
from pipelines import card, gate, plots
from pipelines.step import step
from pipelines.train import features_of, labelled

CHAMPION = "champion"


@dataclass(frozen=True)
class Answers:
    """One model's probabilities on the holdout, with its decision threshold."""

    probabilities: Vector
    threshold: float


@dataclass(frozen=True)
class Measured:
    """One model's metrics, and the same on resampled days."""

    rows: Sorted
    values: Mapping[str, float]
    resampled: Mapping[str, Vector]


def main() -> None:
    """Evaluate the candidate and publish it with the verdict."""
    settings = Settings()
    with step("evaluate") as said:
        folder = candidate_folder(settings)
        champion = registry.champion(settings.models_dir)
        holdout = labelled(settings, "holdout")
        answers = holdout_answers(settings, folder, holdout, champion)
        measured = measurements(answers, holdout, settings.seed)
        report = evaluation(settings, folder, holdout, answers, measured, champion)
        reference = reference_rows(holdout, answers[model.CANDIDATE])
        version = published(settings, folder, report, measured, reference)
        write_json(settings.candidate_dir / "evaluation.json", report | {"version": version})
        said.read = f"{len(holdout):,} {ROWS} of the holdout, {len(answers)} models"
        said.wrote = f"version {version}, which the gate {'passed' if report['passed'] else 'refused'}"


def candidate_folder(settings: Settings) -> Path:
    """Where train left the newest candidate."""
    pointer = read_json(settings.candidate_dir / "candidate.json", registry.TRAIN_FIRST)
    return settings.candidate_dir / str(pointer["folder"])


def holdout_answers(
    settings: Settings, folder: Path, holdout: pd.DataFrame, champion: int | None
) -> dict[str, Answers]:
    """What every baseline, the candidate as it would serve, and the champion say of the holdout."""
    thresholds = read_json(folder / "training.json", registry.TRAIN_FIRST)["thresholds"]
    columns, features = as_arrays(holdout), features_of(holdout)
    answers = {
        name: Answers(fitted(folder, name).predict_proba(features)[:, 1], thresholds[name])
        for name in model.MODELS
        if name != model.CANDIDATE
    }
    answers[model.CANDIDATE] = Answers(portable.load(folder)(columns), thresholds[model.CANDIDATE])
    if champion is not None:
        serving = registry.load(settings.models_dir, champion)
        answers[CHAMPION] = Answers(serving.score(columns), serving.threshold)
    return answers


def fitted(folder: Path, name: str) -> Any:
    """Load one of scikit-learn's models of record; nothing but the types that we know may be in it."""
    return skops.io.load(folder / f"{name}.skops", trusted=model.TRUSTED_TYPES)


def measurements(answers: Mapping[str, Answers], holdout: pd.DataFrame, seed: int) -> dict[str, Measured]:
    """Every model's metrics on the holdout, on the same resampled days; models with invalid answers are left out."""
    truth = targets(holdout)
    days = holdout[EVENT_TIME].dt.tz_convert(ZONE).dt.date.to_numpy()
    measured = {}
    for name, answer in answers.items():
        if not invalid(answer):
            rows = sort(truth, answer.probabilities, answer.threshold)
            measured[name] = Measured(rows, metrics(rows), resampled_metrics(rows, days, seed))
    return measured


def invalid(answer: Answers) -> int:
    """How many probabilities are none; NaN counts."""
    valid = (answer.probabilities >= 0) & (answer.probabilities <= 1)
    return int((~valid).sum())


def evaluation(
    settings: Settings,
    folder: Path,
    holdout: pd.DataFrame,
    answers: Mapping[str, Answers],
    measured: Mapping[str, Measured],
    champion: int | None,
) -> dict[str, Any]:
    """The evaluation report: metrics and margins with intervals, and what each criterion of the gate said."""
    ours = answers[model.CANDIDATE]
    as_trained = fitted(folder, model.CANDIDATE).predict_proba(features_of(holdout))[:, 1]
    found = {name: intervals(each.values, each.resampled) for name, each in measured.items()}
    margins = {name: margin_intervals(measured, name) for name in measured if name != model.CANDIDATE}
    checks = gate.checks(
        gate.Evidence(
            metrics=found.get(model.CANDIDATE, {}),
            margins=margins,
            champion=champion,
            invalid_probabilities=invalid(ours),
            parity=float(np.max(np.abs(ours.probabilities - as_trained))),
            **cleanliness(settings, holdout),
        )
    )
    return {
        "as_of": str(settings.as_of),
        "champion": champion,
        "passed": all(check.passed for check in checks),
        "checks": [asdict(check) for check in checks],
        "holdout": {
            "rows": len(holdout),
            "late": float(targets(holdout).mean()),
            "first": str(holdout[EVENT_TIME].min()),
            "last": str(holdout[EVENT_TIME].max()),
        },
        "metrics": {name: plain(each) for name, each in found.items()},
        "margins": {name: plain(each) for name, each in margins.items()},
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


def cleanliness(settings: Settings, holdout: pd.DataFrame) -> dict[str, Any]:
    """Whether training or validation saw rows of the holdout, and how long before it they ended."""
    seen = pd.concat(
        read_parquet(settings.splits_dir / f"{part}.parquet", registry.TRAIN_FIRST, [KEY, EVENT_TIME])
        for part in ("train", "validation")
    )
    gap = holdout[EVENT_TIME].min() - seen[EVENT_TIME].max()
    return {
        "rows_seen_in_training": int(holdout[KEY].isin(seen[KEY]).sum()),
        "days_after_training": gap.total_seconds() / 86_400,
    }


def plain(each: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    """Intervals as JSON."""
    return {name: asdict(figure) for name, figure in each.items()}


def reference_rows(holdout: pd.DataFrame, ours: Answers) -> pd.DataFrame:
    """What the monitor compares the traffic with: the days just before it, whole, with what the model said of them.

    All of the holdout: alarms are set by how far one clean day is from another, and a sample would add its own noise.
    Without personal columns: nobody compares them, and a published folder could not forget them.
    """
    names = [column.name for column in INPUTS if not column.personal]
    return holdout[names].assign(probability=ours.probabilities, target=targets(holdout)).sort_values(EVENT_TIME)


def published(
    settings: Settings,
    folder: Path,
    report: dict[str, Any],
    measured: Mapping[str, Measured],
    reference: pd.DataFrame,
) -> int:
    """Register the candidate and publish its folder; an immutable version, whatever the gate said."""
    mlflow = tracking.connect(settings.models_dir, settings.mlflow_tracking_uri)
    training = read_json(folder / "training.json", registry.TRAIN_FIRST)
    verdict = "passed" if report["passed"] else "refused"
    version = tracking.register(mlflow, training["mlflow_model"], {"gate": verdict})
    with new_folder(registry.model_folder(settings.models_dir, version)) as temporary:
        shutil.copytree(folder, temporary, dirs_exist_ok=True)
        write_parquet(temporary / "reference.parquet", reference)
        write_json(temporary / "gate.json", report)
        write_json(temporary / "metrics.json", report["metrics"].get(model.CANDIDATE, {}))
        plots.write_holdout(temporary / "holdout.png", {name: each.rows for name, each in measured.items()}, report)
        (temporary / "card.md").write_text(card.model_card(version, training, report))
        files = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        manifest = write_json(temporary / registry.MANIFEST, {"version": version, **training, "files": files})
        if settings.model_signing_key:
            sign(manifest, settings.model_signing_key)
    folder = registry.model_folder(settings.models_dir, version)
    tracking.log_evaluation(mlflow, training["mlflow_run"], version, folder, report)
    return version


if __name__ == "__main__":
    main()
