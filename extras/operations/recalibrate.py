"""Recalibrate: the champion's trees with a new slope and shift, fitted on the outcomes that the prediction log holds.

For a world that has become better or worse as a whole: the ranking still holds, and a training would learn mostly from
the time before. What comes out is a version like any other: the gate judges it on newer days than it was fitted on.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flights import model, portable, registry, tracking
from flights.artifacts import new_folder, read_json, read_parquet, sha256, write_json
from flights.config import GAP_DAYS, Settings
from flights.contract import DTYPES, as_arrays
from flights.dataset import EVENT_TIME, INPUTS, OUTCOME, ROWS, ZONE, targets
from flights.files import EVALUATION_FILE, MANIFEST_FILE, REFERENCE_FILE, TRAIN_FIRST, TRAINING_FILE
from flights.predictions import counted_outcomes, engine, logged_predictions, parsed_inputs, timestamp
from pipelines import calibration, card, evaluate, holdout, promote, train
from pipelines.split import local_days
from pipelines.step import step

FIT_DAYS = 14  # that slope and shift are fitted on
JUDGED_DAYS = 7  # newer ones, for the gate
# Of the trees, and passed on two months: without intervals, what a week says of them is chance.
NOT_ASKED = {"worth_it", "not_too_good", "silence"}


class TooFewDays(RuntimeError):
    """The log does not hold enough days with outcomes; the message says what is missing."""


def main() -> None:
    """Fit, publish with the gate's verdict, and promote what it passed."""
    settings = Settings()
    place = settings.models_dir / "candidates" / f"{settings.as_of}-recalibrated"
    try:
        with step("recalibrate") as said:
            champion = serving(settings)
            known, judged = known_days(settings)
            folder = candidate(settings, place, champion, known)
            write_json(place / EVALUATION_FILE, evaluated(settings, folder, champion, known, judged))
            entry = promote.promoted(settings, place)
            said.read = f"{len(known):,} {ROWS} of the log to fit on, {len(judged):,} newer ones for the gate"
            said.wrote = f"champion {entry.champion}, entry {entry.sequence} of the history"
        mlflow = tracking.connect(settings.models_dir, settings.mlflow_tracking_uri)
        tracking.mirror_champion(mlflow, settings.models_dir)
    except (TooFewDays, registry.PromotionRefused, registry.ModelRefused) as refusal:
        sys.exit(f"refused: {refusal}")


def serving(settings: Settings) -> registry.Model:
    """The champion, verified."""
    version = registry.champion(settings.models_dir)
    if version is None:
        raise FileNotFoundError(f"no champion yet: {TRAIN_FIRST}")
    return registry.load(settings.models_dir, version)


def known_days(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The logged rows to fit on and those to be judged on, all with the outcome that was known by AS_OF.

    Raises
    ------
    TooFewDays
        Some days of the two periods have no outcome at all.
    """
    end = pd.Timestamp(settings.as_of, tz=ZONE)
    gap, judged, fit = (pd.DateOffset(days=days) for days in (GAP_DAYS, JUDGED_DAYS, FIT_DAYS))
    periods = [(end - gap - judged - gap - fit, end - gap - judged - gap), (end - gap - judged, end - gap)]
    log = engine(settings.log_url)
    outcomes = counted_outcomes(log)
    found = [
        rows_of(logged_predictions(log, inputs=True, since=timestamp(start), until=timestamp(stop)), outcomes, end)
        for start, stop in periods
    ]
    log.dispose()
    for rows, wanted, (start, stop) in zip(found, (FIT_DAYS, JUDGED_DAYS), periods, strict=True):
        days = len(set(local_days(rows)))
        if days < wanted:
            raise TooFewDays(
                f"expected outcomes of {wanted} days from {start:%F} to before {stop:%F} in the prediction log, "
                f"got {days}: choose another AS_OF, or `make retrain`"
            )
    return found[0], found[1]


def rows_of(logged: pd.DataFrame, outcomes: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Logged predictions whose outcome was known by a moment, as rows to learn from; unreadable ones are left out."""
    known = outcomes.loc[outcomes["known_at"] <= end, ["request_id", OUTCOME]]
    both = logged.merge(known, on="request_id")
    inputs = pd.Series(parsed_inputs(both["inputs"]), both.index, dtype=object)
    names = [column.name for column in INPUTS]
    readable = inputs[[set(row) >= set(names) for row in inputs]]
    rows = pd.DataFrame(list(readable), readable.index, columns=names).assign(**{OUTCOME: both[OUTCOME]})
    typed = {column.name: DTYPES[column.kind] for column in INPUTS if column.kind != "text"}
    return rows.astype(typed).reset_index(drop=True)


def candidate(settings: Settings, place: Path, champion: registry.Model, known: pd.DataFrame) -> Path:
    """Leave the champion's models with a new slope and shift, as a training leaves its own."""
    before = read_json(champion.folder / TRAINING_FILE, TRAIN_FIRST)
    fits = {
        name: train.Fit(evaluate.fitted(champion.folder, name), before["thresholds"][name], {}, 0.0)
        for name in model.MODELS
    }
    fits[model.CANDIDATE] = ours = fitted(fits[model.CANDIDATE].pipeline, known, before["fit_seconds"], settings.seed)
    origin = {name: before[name] for name in card.PROVENANCE} | {
        "git_commit": train.git("rev-parse", "HEAD"),
        "git_dirty": bool(train.git("status", "--porcelain")),
        "recalibrated_as_of": str(settings.as_of),
        "recalibrated_from": champion.version,
        "seen_until": str(known[EVENT_TIME].max()),
        "data": before["data"] | {"recalibration": train.described(known)},
    }
    origin |= logged_model(settings, ours, known, origin)
    folder = place / str(origin["mlflow_run"])
    with new_folder(folder) as temporary:
        seen = [np.load(champion.folder / "seen.npy"), holdout.row_digests(known)]
        np.save(temporary / "seen.npy", np.sort(np.concatenate(seen)))
        train.write_candidate(temporary, fits, known, origin)
    return folder


def fitted(pipeline: Any, known: pd.DataFrame, seconds: float, seed: int) -> train.Fit:
    """The trees with the slope, the shift and the threshold that fit these days."""
    features, truth = train.features_of(known), targets(known)
    trees = calibration.without(pipeline)
    tried = calibration.record(trees.decision_function(features), truth, local_days(known), seed)
    recalibrated = calibration.recalibrated(trees, features, truth)
    threshold = train.tuned_threshold(recalibrated, features, truth)
    return train.Fit(recalibrated, threshold, {}, seconds, tried | {"kept": True})


def logged_model(settings: Settings, fit: train.Fit, known: pd.DataFrame, origin: Mapping[str, Any]) -> dict[str, str]:
    """Log it as an MLflow run of its own; returns how the run and the model are called there."""
    mlflow = tracking.connect(settings.models_dir, settings.mlflow_tracking_uri)
    example = train.features_of(known.head(1000))
    with mlflow.start_run(run_name="recalibrated", tags={tracking.PROCESS_TAG: tracking.process_tag()}) as run:
        terms = {name: fit.recalibration[name] for name in ("slope", "shift")}
        mlflow.log_params({"model": model.CANDIDATE, "threshold": fit.threshold, **origin, **terms})
        logged = mlflow.sklearn.log_model(
            fit.pipeline,
            name="model",
            signature=mlflow.models.infer_signature(example, fit.pipeline.predict_proba(example)[:, 1]),
            skops_trusted_types=model.TRUSTED_TYPES,
            pip_requirements=[str(train.LOCK)],
        )
    return {"mlflow_run": run.info.run_id, "mlflow_model": logged.model_uri}


def evaluated(
    settings: Settings, folder: Path, champion: registry.Model, known: pd.DataFrame, judged: pd.DataFrame
) -> dict[str, Any]:
    """Ask the gate about the newer days, and publish with what it said."""
    case = evaluate.gathered(settings, folder, judged, known)
    measured = evaluate.measurements(case)
    report = evaluate.evaluation(case, measured)
    checks = [check for check in report["checks"] if check["name"] not in NOT_ASKED]
    passed = not any(check["objection"] for check in checks)
    looks = 1 + looked_before(settings)
    ledger = {"looks": looks, "candidates": looks}
    report |= {"as_of": str(settings.as_of), "checks": checks, "passed": passed, "ledger": ledger}
    report |= {"model_digest": sha256(folder / portable.TREES), **evaluate.from_reports(settings.reports_dir)}
    reference = reference_of(champion, portable.load(folder))
    return report | {"version": evaluate.published(settings, folder, report, case, measured, reference)}


def looked_before(settings: Settings) -> int:
    """How many recalibrations were judged on the same days before."""
    manifests = registry.model_folder(settings.models_dir, 0).parent.glob(f"[0-9]*/{MANIFEST_FILE}")
    as_of = [read_json(path, "").get("recalibrated_as_of") for path in manifests]
    return as_of.count(str(settings.as_of))


def reference_of(champion: registry.Model, score: portable.Score) -> pd.DataFrame:
    """What the monitor goes on comparing with: the champion's own reference, as the new version scores it.

    A week alone would be too short to tell what differs between clean days.
    """
    rows = read_parquet(champion.folder / REFERENCE_FILE, TRAIN_FIRST)
    silent = {column.name: None if column.nullable else column.example for column in INPUTS if column.personal}
    return rows.assign(probability=score(as_arrays(rows.assign(**silent))))


if __name__ == "__main__":
    main()
