"""Recalibrate: the champion's trees with a new slope and shift, fitted on the outcomes in the prediction log.

For a change of the overall rate: the ranking still holds, and a training would learn mostly from the time before. The
result is a version like any other: the gate checks it on newer days than it was fitted on.
"""

import sys
import uuid
from pathlib import Path
from typing import Any

import pandas as pd

from flights import model, portable, registry
from flights.artifacts import new_folder, read_json, read_parquet, write_json
from flights.config import GAP_DAYS, Settings
from flights.contract import DTYPES, as_arrays
from flights.dataset import INPUTS, OUTCOME, ROWS, ZONE, targets
from flights.files import EVALUATION_FILE, MANIFEST_FILE, REFERENCE_FILE, TRAIN_FIRST, TRAINING_FILE
from flights.log_reader import counted_outcomes, engine, logged_predictions, parsed
from flights.plugins import hooks
from flights.predictions import timestamp
from pipelines import check
from pipelines.evaluation.inputs import collect_evidence, load_trained
from pipelines.evaluation.publish import plugin_measurements, promote_evaluated, publish
from pipelines.evaluation.report import evaluation_report, model_metrics
from pipelines.rows import features_of, local_days, summary_of
from pipelines.step import step
from pipelines.training.candidate import write_candidate
from pipelines.training.fitting import Fit, tuned_threshold
from pipelines.training.recalibration import recalibrated, recalibration_trial

FIT_DAYS = 14  # that slope and shift are fitted on
JUDGED_DAYS = 7  # newer ones, for the gate
# Of the trees, and passed on two months: without intervals, what a week says of them is chance.
NOT_CHECKED = {"worth_it", "not_too_good", "missing_feeds"}


class TooFewDays(RuntimeError):
    """The log does not hold enough days with outcomes; the message says what is missing."""


def main() -> None:
    """Fit, publish with the gate's verdict, and promote what it passed."""
    settings = Settings.read()
    place = settings.models_dir / "candidates" / f"{settings.as_of}-recalibrated"
    try:
        with step("recalibrate") as summary:
            champion = serving(settings)
            known, judged = known_days(settings)
            folder = candidate(settings, place, champion, known)
            write_json(place / EVALUATION_FILE, evaluated(settings, folder, champion, known, judged))
            entry = promote_evaluated(settings, place)
            summary.read = f"{len(known):,} {ROWS} of the log to fit on, {len(judged):,} newer ones for the gate"
            summary.wrote = f"champion {entry.champion}, entry {entry.sequence} of the history"
        for mirror_champion in hooks("pipelines.extras", "mirror_champion"):
            mirror_champion(settings)
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
    inputs = pd.Series([parsed(text) for text in both["inputs"]], both.index, dtype=object)
    names = [column.name for column in INPUTS]
    readable = inputs[[set(row) >= set(names) for row in inputs]]
    rows = pd.DataFrame(list(readable), readable.index, columns=names).assign(**{OUTCOME: both[OUTCOME]})
    typed = {column.name: DTYPES[column.kind] for column in INPUTS if column.kind != "text"}
    return rows.astype(typed).reset_index(drop=True)


def candidate(settings: Settings, place: Path, champion: registry.Model, known: pd.DataFrame) -> Path:
    """Write the champion's models with a new slope and shift, as a training writes its own."""
    before = read_json(champion.folder / TRAINING_FILE, TRAIN_FIRST)
    thresholds = before["thresholds"]
    fits = {name: Fit(load_trained(champion.folder, name), thresholds[name], {}, 0.0) for name in model.MODELS}
    ours = recalibrated_fit(fits[model.CANDIDATE].pipeline, known, before["fit_seconds"], settings.seed)
    fits[model.CANDIDATE] = ours
    kept = ("as_of", "seed", "data_digest", "schema_digest", "lock_digest", "python")
    origin = {name: before[name] for name in kept if name in before}
    for code_version in hooks("pipelines.extras", "code_version"):
        origin.update(code_version(settings))
    origin |= {
        "recalibrated_as_of": str(settings.as_of),
        "recalibrated_from": champion.version,
        "data": {**before["data"], "recalibration": summary_of(known)},
    }
    terms = {name: ours.recalibration[name] for name in ("slope", "shift")}
    record = dict(origin)
    for log_fits in hooks("pipelines.extras", "log_fits"):
        params = {"model": model.CANDIDATE, **origin, **terms}
        record.update(log_fits(settings, {"recalibrated": ours}, known, params, None)["recalibrated"])
    folder = place / str(record.get("mlflow_run", uuid.uuid4().hex))
    with new_folder(folder) as temporary:
        seen = check.record(temporary, known, before=champion.folder)
        write_candidate(temporary, fits, known, {**record, **seen})
    return folder


def recalibrated_fit(pipeline: Any, known: pd.DataFrame, seconds: float, seed: int) -> Fit:
    """The trees with the slope, the shift and the threshold that fit these days."""
    features, y_true = features_of(known), targets(known)
    trees = portable.recalibration(pipeline)[0]
    trial = recalibration_trial(trees.decision_function(features), y_true, local_days(known), seed)
    fitted = recalibrated(trees, features, y_true)
    return Fit(fitted, tuned_threshold(fitted, features, y_true), {}, seconds, {**trial, "kept": True})


def evaluated(
    settings: Settings, folder: Path, champion: registry.Model, known: pd.DataFrame, judged: pd.DataFrame
) -> dict[str, Any]:
    """Check the gate's criteria on the newer days, and publish with the verdict."""
    inputs = collect_evidence(settings, folder, judged, known)
    metrics = model_metrics(inputs)
    report = evaluation_report(inputs, metrics)
    checks = [check for check in report["checks"] if check["name"] not in NOT_CHECKED]
    reads = 1 + earlier_recalibrations(settings)
    report = {
        **report,
        **plugin_measurements(inputs, metrics),
        "as_of": str(settings.as_of),
        "checks": checks,
        "passed": not any(check["failure"] for check in checks),
        "holdout_access": {"accesses": reads, "candidates": reads},
    }
    reference = reference_of(champion, portable.load(folder))
    return {**report, "version": publish(settings, folder, report, inputs.training, metrics, reference)}


def earlier_recalibrations(settings: Settings) -> int:
    """How many recalibrations were evaluated on the same days before."""
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
