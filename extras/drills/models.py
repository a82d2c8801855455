"""Faults of the model itself: too old, or the wrong one."""

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import skops.io

from extras.drills.drill_helpers import DrillReport, expect, features_of, fitted, part, ranking, refusal, serving
from extras.drills.weeks import decision_at, month, write_log
from flights import model, portable, registry
from flights.artifacts import new_folder, sha256, write_json
from flights.config import NAME, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, targets
from flights.evaluation import metrics
from flights.files import EVALUATION_FILE, GATE_FILE, METRICS_FILE, REFERENCE_FILE
from flights.history import write_new_json
from flights.model_files import write_golden, write_manifest
from flights.ranking import rank
from pipelines.evaluation.inputs import candidate_folder, collect_evidence
from pipelines.evaluation.publish import promote_evaluated
from pipelines.evaluation.report import evaluation_report, model_metrics

STALE_MONTHS = 3  # that the stale model learned from
BAD_ROWS = 5_000


def stale_model(settings: Settings) -> DrillReport:
    """The model is stale: it was not retrained for months."""
    live, train = part(settings, "live"), part(settings, "train")
    december = live[live[EVENT_TIME] >= live[EVENT_TIME].min() + pd.Timedelta(days=30)]
    spring = train[train[EVENT_TIME] < train[EVENT_TIME].min() + pd.DateOffset(months=STALE_MONTHS)]
    recent = pd.concat([train, *(part(settings, name) for name in ("validation", "holdout"))])
    figures = {name: figures_on(december, rows, settings.seed) for name, rows in (("old", spring), ("new", recent))}
    weeks = month(settings, "", first_day=30)
    write_log(settings, weeks.clean)
    fired = decision_at(settings, weeks.ends)
    reasons = [reason for reason in fired.reasons if "age of the model" in reason]
    expect(bool(reasons), f"a reason about the age of the model, got {fired.reasons}")
    expect(fired.act, f"that somebody must act, got {fired.action}")
    return DrillReport(
        f"On the {len(december):,} flights of December a model of the first {STALE_MONTHS} months reaches "
        f"{figures['old']}, and goes on answering.",
        f"The monitor says `{fired.action}`: {reasons[0]}.",
        f"Trained on all months up to the live ones the same model reaches {figures['new']}: "
        "`make retrain AS_OF=2013-12-01`, through the same gate.",
    )


def figures_on(asked: pd.DataFrame, known: pd.DataFrame, seed: int) -> str:
    """Ranking and Brier score of a candidate that learned from some rows."""
    answers = fitted(features_of(known), targets(known), seed).predict_proba(features_of(asked))[:, 1]
    found = metrics(rank(targets(asked), answers))
    return f"ROC-AUC {found['roc_auc']:.3f}, Brier {found['brier']:.3f}"


def bad_model(settings: Settings) -> DrillReport:
    """A bad model is promoted by mistake: one that learned from labels in the wrong order."""
    good = serving(settings)
    train, holdout = part(settings, "train", BAD_ROWS), part(settings, "holdout")
    shuffled = np.random.default_rng(settings.seed).permutation(targets(train))
    version = good.version + 1
    bad = fitted(features_of(train), shuffled, settings.seed)
    publish(settings, good, bad, train, version)
    columns, truth = as_arrays(holdout), targets(holdout)
    before = ranking(truth, good.score(columns))
    after = ranking(truth, registry.load(settings.models_dir, version).score(columns))
    report = verdict(settings, bad, holdout)
    write_json(settings.candidate_dir / EVALUATION_FILE, report | {"version": version})
    refused = refusal(registry.PromotionRefused, lambda: promote_evaluated(settings))
    expect(registry.champion(settings.models_dir) == good.version, "the same champion")
    weeks = month(settings, "")
    flights, outcomes = weeks.clean
    good_days = flights["moment"] < weeks.begins
    write_log(settings, (flights[good_days], outcomes))
    refusal(registry.PromotionRefused, lambda: registry.promote(settings.models_dir, version, expected=good.version))
    put_in_place(settings, good.version, version)
    write_log(settings, (flights[~good_days], outcomes[:0]))
    fired = decision_at(settings, weeks.ends)
    expect(fired.action == "roll back", f"`roll back`, got {fired.action}: {fired.reasons}")
    registry.rollback(settings.models_dir)
    again = serving(settings)
    same = float(np.abs(again.score(columns) - good.score(columns)).max())
    expect(again.version == good.version and same == 0, "the champion of before")
    return DrillReport(
        f"Put in place by hand, past the gate, ROC-AUC on the holdout is {after:.3f} in place of {before:.3f}.",
        f"The gate blocks it: {refused}. Past the gate the monitor says `{fired.action}`: {'; '.join(fired.reasons)}.",
        f"`make rollback`: champion is version {again.version} again, with the same probabilities; the history keeps "
        f"{len(registry.history(settings.models_dir))} entries.",
    )


def publish(settings: Settings, good: registry.Model, pipeline: Any, rows: pd.DataFrame, version: int) -> None:
    """Publish a fitted candidate with everything that loading verifies, but for its quality."""
    with new_folder(registry.model_folder(settings.models_dir, version)) as folder:
        for name in (REFERENCE_FILE, METRICS_FILE):
            shutil.copy(good.folder / name, folder / name)
        portable.export(pipeline, folder)
        columns = as_arrays(rows[:100])
        write_golden(folder, columns, portable.load(folder)(columns))
        write_json(folder / GATE_FILE, {"passed": False, "model_digest": sha256(folder / portable.TREES)})
        write_manifest(folder, version, {**good.manifest, "version": version})


def put_in_place(settings: Settings, before: int, version: int) -> None:
    """Write the history's next entry by hand: promotion itself asks for the gate's word."""
    sequence = len(registry.history(settings.models_dir)) + 1
    entry = registry.Promotion(sequence, datetime.now(UTC).isoformat(), "promote", before, version, "by hand")
    history = settings.models_dir / NAME / "history"
    write_new_json(history / f"{sequence:06}.json", asdict(entry))


def verdict(settings: Settings, pipeline: Any, holdout: pd.DataFrame) -> dict[str, Any]:
    """The whole evaluation of a fitted candidate, next to the baselines and the champion, with what the gate says."""
    folder = candidate_folder(settings)
    skops.io.dump(pipeline, folder / f"{model.CANDIDATE}.skops")
    portable.export(pipeline, folder)
    inputs = collect_evidence(settings, folder, holdout)
    return evaluation_report(inputs, model_metrics(inputs))
