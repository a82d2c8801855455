"""Faults of the data that a training is made from."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from extras.drills.drill_helpers import DrillReport, expect, features_of, fitted, part, ranking, refusal, serving
from extras.drills.faults import NEW_CARRIER
from flights.artifacts import read_parquet
from flights.columns import Column, LeakageError, inputs
from flights.config import GAP_DAYS, Settings
from flights.contract import TABLE, as_arrays, contract
from flights.dataset import EVENT_TIME, INPUTS, OUTCOME, targets
from flights.files import TRAIN_FIRST, VALID_FILE
from pipelines import check, gate
from pipelines.contract_check import ContractBroken, checked_rows, limit_rejected_rows
from pipelines.rows import between, periods

EXTRA = "minutes_late"


def new_carrier(settings: Settings) -> DrillReport:
    """An unseen carrier takes over a tenth of the flights."""
    rows = part(settings, "holdout")
    taken = np.random.default_rng(settings.seed).random(len(rows)) < 0.1
    changed = rows.assign(carrier=rows["carrier"].mask(taken, NEW_CARRIER))
    model, truth = serving(settings), targets(rows)[taken]
    before, after = (model.score(as_arrays(each[taken])) for each in (rows, changed))
    valid, refused = checked_rows(changed[[column.name for column in TABLE]])
    expect(len(refused) == taken.sum(), f"{taken.sum()} refused rows, got {len(refused)}")
    stopped = refusal(ContractBroken, lambda: limit_rejected_rows(len(refused), len(rows), "see the quarantine"))
    known = tuple(
        replace(column, categories=(*column.categories, NEW_CARRIER)) if column.name == "carrier" else column
        for column in TABLE
    )
    accepted, left = checked_rows(changed[[column.name for column in TABLE]], contract(known))
    expect(not len(left), "no refused row once the carrier is declared")
    return DrillReport(
        f"Without the contract {taken.sum():,} flights are answered with another carrier's rate: ROC-AUC "
        f"{ranking(truth, before):.3f} becomes {ranking(truth, after):.3f}, single probabilities move by up to "
        f"{np.abs(after - before).max():.2f}, and no alarm is raised.",
        f"The contract rejects {len(refused):,} rows and keeps {len(valid):,}; validate stops: {stopped}.",
        f"You decide: {NEW_CARRIER} joins CARRIERS in dataset.py, all {len(accepted):,} rows pass, and the next "
        "training learns it.",
    )


def extra_column(settings: Settings) -> DrillReport:
    """A column is added upstream, and it knows the outcome."""
    train, holdout = part(settings, "train"), part(settings, "holdout")
    seen, asked = features_of(train), features_of(holdout)
    truth = targets(holdout)
    honest = ranking(truth, fitted(seen, targets(train), settings.seed).predict_proba(asked)[:, 1])
    greedy = fitted(seen.assign(**{EXTRA: train[OUTCOME].to_numpy()}), targets(train), settings.seed)
    blind = asked.assign(**{EXTRA: np.nan})
    claimed = ranking(truth, greedy.predict_proba(asked.assign(**{EXTRA: holdout[OUTCOME].to_numpy()}))[:, 1])
    served = ranking(truth, greedy.predict_proba(blind)[:, 1])
    table = [column.name for column in TABLE]
    refused = refusal(ContractBroken, lambda: checked_rows(holdout[table].assign(**{EXTRA: 0.0})))
    late = Column(EXTRA, "number", "Minutes late", "outcome", 0.0)
    declared = refusal(LeakageError, lambda: inputs(*INPUTS, late))
    valid, left = checked_rows(holdout[table])
    expect(not len(left), "no refused row without the column")
    return DrillReport(
        f"A training that takes every column it finds claims ROC-AUC {claimed:.3f}; in service, where the column is "
        f"empty, it reaches {served:.3f}, and without the column it was {honest:.3f}.",
        f"The contract rejects all {len(holdout):,} rows: {refused}. Declaring it as an input is rejected: {declared}.",
        f"The column goes; all {len(valid):,} rows pass.",
    )


def split_leaks(settings: Settings) -> DrillReport:
    """The split leaks time: rows are drawn by chance, so training knows the days that it is asked about."""
    rows = part(settings, "train", 30_000)
    asked, by_time, by_chance = drawn(rows, settings.seed)
    found = [
        ranking(
            targets(asked),
            fitted(features_of(known), targets(known), settings.seed).predict_proba(features_of(asked))[:, 1],
        )
        for known in (by_time, by_chance)
    ]
    refused = unclean(settings, by_chance, asked)
    expect(bool(refused), "the gate's failure")
    valid = read_parquet(settings.raw_dir / VALID_FILE, TRAIN_FIRST)
    train, after = (between(valid, periods(settings.as_of)[name]) for name in ("train", "holdout"))
    silent = unclean(settings, train, after)
    expect(not silent, f"no failure after splitting again, got {silent}")
    return DrillReport(
        f"The same {len(asked):,} flights: split by time ROC-AUC is {found[0]:.3f}, split by chance {found[1]:.3f}. "
        "The difference is not there in service.",
        f"The gate blocks a candidate that learned from the split by chance: {refused}.",
        f"`make split` divides by time again, with a gap of {GAP_DAYS} days, and the gate blocks nothing.",
    )


def drawn(rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Half of the last quarter, to be asked about; what a split by time would learn from, and what one by chance."""
    late = (rows[EVENT_TIME] >= rows[EVENT_TIME].quantile(0.75)).to_numpy()
    asked = late & (np.random.default_rng(seed).random(len(rows)) < 0.5)
    return rows[asked], rows[~late], rows[~asked]


def unclean(settings: Settings, known: pd.DataFrame, asked: pd.DataFrame) -> str:
    """What the gate's criterion about the holdout says of a training on some rows, by the digests that it leaves."""
    left = check.record(settings.data_dir, known)
    inputs: Any = SimpleNamespace(folder=settings.data_dir, training=left, rows=asked)
    evidence: Any = SimpleNamespace(measured=check.properties(inputs, ["leakage"]))
    return next(each.failure(evidence) for each in gate.criteria() if each.name == "clean_holdout")
