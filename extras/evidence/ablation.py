"""Ablation: which features are useful. Each is dropped in turn and compared with the noise of the seed, and timed.

A dropped feature becomes a constant. If another feature replaces it, only shuffling shows its use: a model that depends
on a feature ranks worse when it is shuffled. Features without use are dropped together at the end. A feature without
use fails the command unless `UNPROVEN` lists it.
"""

import argparse
import json
import sys
import time
import timeit
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from extras.evidence.workers import sampled_part, workers
from flights.artifacts import write_json
from flights.columns import Columns
from flights.config import MAX_BYTES, MAX_MICROSECONDS, Settings
from flights.contract import as_arrays
from flights.dataset import INPUTS, targets
from flights.evaluation import metrics
from flights.feature_set import plan
from flights.model import CANDIDATE, build_model
from flights.ranking import Vector, rank
from pipelines.rows import features_of, training_features
from pipelines.step import step

SEEDS = 4  # models of one kind: what they differ by is noise
CLEAR = 2.0  # standard errors of the noise, from which a difference counts
MIN_NOISE = 0.0005  # few seeds may agree by luck, and then anything would count
TIMED_CALLS = 300
EARNS, SHARES, UNUSED = "earns its place", "shares its place", "no use found"
REJECTED = ("rejected: no use", "rejected: too expensive")
VERDICTS = (EARNS, SHARES, UNUSED, *REJECTED)  # in the order of the table
# They stay without proof, as redundancy for a missing feed (docs/decisions.md). Add a reason here for any other one.
UNPROVEN = (
    "arrival_delay_4h_all", "arrival_delay_4h_carrier", "backlog_all", "backlog_carrier", "carrier_lateness",
    "origin", "overdue_3h_all", "overdue_3h_carrier", "overdue_3h_origin", "overdue_3h_origin_carrier",
    "precipitation", "scheduled_minutes", "seats", "time_since_landing", "visibility",
)  # fmt: skip


@dataclass(frozen=True)
class Material:
    """Features and targets of train and validation."""

    X_train: pd.DataFrame
    y_train: Vector
    X_valid: pd.DataFrame
    y_valid: Vector


@dataclass(frozen=True)
class Task:
    """One model to fit, without some features; with `shuffle` also asked with each feature shuffled."""

    seed: int
    without: tuple[str, ...] = ()
    shuffle: bool = False


@dataclass(frozen=True)
class Worth:
    """What one feature, or one group of them, is worth and what it costs."""

    name: str
    dropped: float  # ROC-AUC lost without it
    shuffled: float  # ROC-AUC lost when the model gets it shuffled
    microseconds: float
    bytes: float
    verdict: str


def main() -> None:
    """Drop each feature and each feed's, and say which earn their place."""
    settings, args = Settings.read(), arguments()
    with step("features") as summary, workers(args.scheduler) as run:
        folder = settings.splits_dir.resolve()
        names, groups = [name for name, *_ in plan()], feeds()
        todo = tasks([(name,) for name in names] + list(groups.values()))
        work = partial(areas_of, folder=folder, every=args.every)
        found = dict(track(run(work, todo), "fits", total=len(todo), transient=True))
        noise = seed_noise(found)
        sample = as_arrays(sampled_part(folder, "validation", args.every).head(200))
        places = [worth_of(name, found, noise, *costs(name, sample)) for name in names]
        if useless := tuple(each.name for each in places if each.verdict in (UNUSED, *REJECTED)):
            groups["what shows no use"] = useless
            found |= dict(run(work, tasks([useless])[SEEDS:]))
        together = {name: loss(found, group) for name, group in groups.items()}
        print_tables(places, together, noise)
        content = {"noise": noise, "every": args.every, "together": together, "features": [*map(asdict, places)]}
        summary.read = f"{len(names)} features, {len(todo)} fits of one flight in {args.every}"
        summary.wrote = str(write_json(settings.reports_dir / "features.json", content))
    if wrong := failures(places, args.every):
        sys.exit("\n".join(wrong))


def arguments() -> argparse.Namespace:
    """By whom, and on how much."""
    parser = argparse.ArgumentParser(prog="make features", description=__doc__)
    parser.add_argument("--scheduler", default="", help="address of a Dask scheduler; without it, processes here")
    parser.add_argument("--every", type=int, default=4, help="keep every Nth flight")
    return parser.parse_args()


def feeds() -> dict[str, tuple[str, ...]]:
    """For each upstream feed, the features that read any of its columns."""
    of_feed = {column.name: column.feed for column in INPUTS if column.feed}
    groups: dict[str, tuple[str, ...]] = {}
    for name, _, columns in plan():
        for feed in sorted({of_feed[column] for column in columns if column in of_feed}):
            groups[feed] = (*groups.get(feed, ()), name)
    return groups


def tasks(without: Iterable[tuple[str, ...]]) -> list[Task]:
    """The whole model once a seed, and each smaller one once a seed."""
    return [Task(seed, names, shuffle=not names) for names in ((), *without) for seed in range(SEEDS)]


def areas_of(task: Task, folder: Path, every: int) -> tuple[Task, dict[str, float]]:
    """The task with its model's areas, on the splits in a folder."""
    return task, areas(task, material(folder, every, task.seed))


@lru_cache(maxsize=SEEDS)
def material(folder: Path, every: int, seed: int) -> Material:
    """Training and validation features of a seed, which draws the missing feeds; once per process."""
    train, validation = (sampled_part(folder, part, every) for part in ("train", "validation"))
    X_train, X_valid = training_features(train, seed), features_of(validation)
    return Material(X_train, targets(train), X_valid, targets(validation))


def areas(task: Task, given: Material) -> dict[str, float]:
    """ROC-AUC of the task's model, under ''; and under each feature's name, what is left when that is shuffled."""
    model = build_model(CANDIDATE, task.seed).fit(dropped(given.X_train, task.without), given.y_train)
    X_valid = dropped(given.X_valid, task.without)
    found = {"": area(model, X_valid, given.y_valid)}
    if task.shuffle:
        order = np.random.default_rng(task.seed).permutation(len(X_valid))
        for name in X_valid:
            shuffled = X_valid.assign(**{str(name): X_valid[name].to_numpy()[order]})
            found[str(name)] = area(model, shuffled, given.y_valid)
    return found


def dropped(features: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The features with some made constant: nothing is left to learn from them."""
    return features.assign(**dict.fromkeys(names, 0.0))


def area(model: Any, X_valid: pd.DataFrame, y_valid: Vector) -> float:
    """ROC-AUC of a model's answers."""
    return metrics(rank(y_valid, model.predict_proba(X_valid)[:, 1]), ["roc_auc"])["roc_auc"]


Areas = Mapping[Task, Mapping[str, float]]


def seed_noise(areas: Areas) -> float:
    """Standard error of a mean difference between two kinds of models, from how far seeds alone move one kind."""
    whole = [found[""] for task, found in areas.items() if not task.without]
    return max(MIN_NOISE, float(np.std(whole, ddof=1) * np.sqrt(2 / len(whole))))


def loss(areas: Areas, without: tuple[str, ...]) -> float:
    """Mean ROC-AUC that is lost without some features, seed by seed."""
    return float(np.mean([areas[Task(seed, (), True)][""] - areas[Task(seed, without)][""] for seed in range(SEEDS)]))


def worth_of(name: str, areas: Areas, noise: float, microseconds: float, size: float) -> Worth:
    """What a feature is worth and costs, and whether it may stay."""
    whole = [areas[Task(seed, (), True)] for seed in range(SEEDS)]
    lost, shuffled = loss(areas, (name,)), float(np.mean([each[""] - each[name] for each in whole]))
    if microseconds > MAX_MICROSECONDS or size > MAX_BYTES:
        verdict = REJECTED[1]
    elif lost > CLEAR * noise:
        verdict = EARNS
    elif shuffled > noise:
        verdict = SHARES
    else:
        verdict = UNUSED if name in UNPROVEN else REJECTED[0]
    return Worth(name, lost, shuffled, microseconds, size, verdict)


def failures(places: Iterable[Worth], every: int) -> list[str]:
    """Features that are refused; of all rows, also entries of `UNPROVEN` that found their proof or are no feature."""
    verdicts = {each.name: each.verdict for each in places}
    refused = [name for name, verdict in verdicts.items() if verdict in REJECTED]
    way_out = "take it out of FEATURES, or argue for it in UNPROVEN"
    if every > 1:
        return [f"{name} is {verdicts[name]} on one flight in {every}: run EVERY=1, and {way_out}" for name in refused]
    return [
        *(f"{name} is {verdicts[name]}: {way_out}" for name in refused),
        *(f"{name} {EARNS}: take it off UNPROVEN" for name in UNPROVEN if verdicts.get(name) == EARNS),
        *(f"{name} is no feature: take it off UNPROVEN" for name in UNPROVEN if name not in verdicts),
    ]


def costs(name: str, sample: Columns) -> tuple[float, float]:
    """Microseconds of CPU time to make a feature of one flight, and bytes of a request that no other feature needs."""
    made = {each: (function, columns) for each, function, columns in plan()}
    function, columns = made[name]
    row = {column: sample[column][:1] for column in columns}

    def make() -> Any:
        return row[name] if function is None else function(*row.values())

    calls = timeit.repeat(make, timer=time.process_time, number=TIMED_CALLS, repeat=7)
    others = {column for each, (_, read) in made.items() if each != name for column in read}
    own = [column for column in columns if column not in others]
    return 1e6 * min(calls) / TIMED_CALLS, float(sum(json_bytes(column, sample[column]) for column in own))


def json_bytes(name: str, values: Any) -> float:
    """Mean length of a column's part of a request."""
    return float(np.mean([len(json.dumps({name: value}, default=str)) for value in values.tolist()]))


def print_tables(places: list[Worth], together: Mapping[str, float], noise: float) -> None:
    """The features, most useful first, and what whole groups are worth."""
    table = Table(title="What each feature is worth, in thousandths of ROC-AUC, and costs per flight")
    for heading in ("feature", "lost without it", "lost when shuffled", "us", "bytes", "verdict"):
        table.add_column(heading, justify="left" if heading in {"feature", "verdict"} else "right")
    for each in sorted(places, key=lambda one: (VERDICTS.index(one.verdict), -one.dropped)):
        worth = (f"{1000 * each.dropped:.2f}", f"{1000 * each.shuffled:.2f}")
        table.add_row(each.name, *worth, f"{each.microseconds:.1f}", f"{each.bytes:.0f}", each.verdict)
    spent = [sum(getattr(each, cost) for each in places) for cost in ("microseconds", "bytes")]
    lost = ", ".join(f"{name} {1000 * each:.1f}" for name, each in together.items())
    table.caption = (
        f"What seeds alone make of a difference: {1000 * noise:.2f}; it counts from {CLEAR:.0f} times that on. All "
        f"together: {spent[0]:.0f} us, {spent[1]:.0f} bytes. Lost without all of: {lost}."
    )
    Console().print(table)


if __name__ == "__main__":
    from extras.evidence import ablation  # noqa: PLW0406 - workers look for our functions under this name

    ablation.main()
