"""Stress: the champion under named failures, what each does to it, and which guard notices.

Each failure begins in the third week of otherwise clean traffic. Its effect is measured on the days that it hit, next
to the heuristic that would answer instead. The guards come in this order: the contract rejects rows; what it accepts
goes through the checks of feeds, of drift, and of labels and performance. A guard has noticed a failure if a check
fires that does not fire on the clean traffic.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from extras.drills import faults as drills
from flights import heuristic, registry
from flights.artifacts import read_parquet, write_json
from flights.config import MAX_MISSING_FEED_ERRORS, Settings
from flights.contract import as_arrays, contract
from flights.dataset import INPUTS, KEY, OUTCOME_TIME, ZONE, targets
from flights.evaluation import metrics
from flights.files import LIVE_FILE
from flights.ranking import rank
from monitoring.check import Check, is_firing
from monitoring.findings import all_checks
from monitoring.outcomes import LEAD, simulated_now, with_outcomes
from monitoring.traffic import Traffic, period, traffic
from monitoring.view import ServingModel, View, serving_model

DAYS = 35  # of traffic: two clean weeks, and three with the fault
ASKED = ("roc_auc", "brier", "calibration_error")
SWAPPED = ("temperature", "humidity")  # two columns that a client might mix up
MIN_REJECTED = 0.05  # of the rows that a failure hit: with fewer, the contract accepted it
NOISE = "noise on "
FAMILIES = ("drift", "feeds", "labels", "performance")  # of checks
NOISY = tuple(column.name for column in INPUTS if column.kind == "number")


@dataclass(frozen=True)
class Stressed:
    """One fault: what it did to the model on the days that it hit, and which guard noticed."""

    fault: str
    figures: Mapping[str, float]
    fallback: Mapping[str, float]  # the heuristic's figures on the same rows
    rejected: float  # share of the rows
    guard: str  # the first to notice: contract, feeds, drift, performance or none
    said: tuple[str, ...]


def main() -> None:
    """Run every failure and write the table; fail if the heuristic would have served better."""
    settings = Settings.read()
    model = serving_model(settings.models_dir)
    scorer = registry.load(settings.models_dir, model.version)
    live = read_parquet(settings.splits_dir / LIVE_FILE, "run `make train`")
    clean = clean_traffic(live)
    none = stressed("none", clean, scorer, model.reference, set(), settings.seed)
    faults = track(FAULTS, "stress", transient=True)
    done = [none, *(stressed(each, clean, scorer, model.reference, set(none.said), settings.seed) for each in faults)]
    Console(width=130).print(as_table(done))
    path = write_json(settings.reports_dir / "stress.json", {"faults": [asdict(each) for each in done]})
    print(f"stress    {len(FAULTS)} faults of version {model.version}; wrote {path}")
    if wrong := failures(done):
        sys.exit("\n".join(wrong))


def clean_traffic(live: pd.DataFrame) -> Traffic:
    """The first weeks after the holdout."""
    start, _ = period(live, "", "")
    return traffic(live, start, start.tz_convert(ZONE) + pd.DateOffset(days=DAYS))


def stressed(
    fault: str, clean: Traffic, model: registry.Model, reference: pd.DataFrame, usual: set[str], seed: int
) -> Stressed:
    """Plant one fault, measure the model, and ask the guards."""
    flights, outcomes = clean if fault == "none" else drills.planted(clean, FAULTS[fault], seed)
    probabilities = model.score(as_arrays(flights))
    rejected = broken(flights)
    rows = flights.assign(probability=probabilities, threshold=model.threshold, model_version=model.version)
    found = checks(rows[~rejected], outcomes, reference)
    said = {check.name: guard(check) for check in found if is_firing(check).any()}
    fresh = {name: each for name, each in said.items() if name not in usual}
    hit = flights["moment"] >= first_day(clean)
    share = float(rejected[hit].mean())
    noticed = [each for each in ("feeds", "drift", "performance") if each in fresh.values()]
    simple = flights.assign(probability=heuristic.load(model.folder).score(as_arrays(flights)))
    return Stressed(
        fault,
        effect(rows[hit], outcomes),
        effect(simple[hit], outcomes),
        share,
        "contract" if share >= MIN_REJECTED else (noticed or ["none"])[0],
        tuple(fresh),
    )


def failures(done: Iterable[Stressed]) -> list[str]:
    """Failures under which the heuristic ranks or estimates as well, or the calibration error is too large.

    Noise as large as a column's own spread may make the heuristic as good, as long as a guard notices it.
    """
    return [
        f"{each.fault}: {name} is {each.figures[name]:.3f}, expected {word} {limit:.3f}"
        for each in done
        if each.guard == "none" or not each.fault.startswith(NOISE)
        for name, word, limit in (
            ("roc_auc", "above the heuristic's", each.fallback["roc_auc"]),
            ("brier", "below the heuristic's", each.fallback["brier"]),
            ("calibration_error", "below", EXPECTED.get(each.fault, 1.0)),
        )
        if not (each.figures[name] > limit if word.startswith("above") else each.figures[name] < limit)
    ]


def first_day(clean: Traffic) -> pd.Timestamp:
    """When the faults begin."""
    start: pd.Timestamp = clean[0]["moment"].min().tz_convert(ZONE).normalize()
    return start + pd.DateOffset(days=drills.CLEAN_DAYS)


def broken(flights: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows the contract rejects."""
    from pandera.errors import SchemaErrors

    found = np.zeros(len(flights), dtype=bool)
    try:
        contract(INPUTS).validate(flights[[column.name for column in INPUTS]].reset_index(drop=True), lazy=True)
    except SchemaErrors as errors:
        places = errors.failure_cases["index"]
        found[slice(None) if places.isna().any() else places.astype(int).unique()] = True
    return found


def checks(rows: pd.DataFrame, outcomes: pd.DataFrame, reference: pd.DataFrame) -> list[Check]:
    """What the monitor checks of columns, feeds, labels and quality."""
    renamed = rows.rename(columns={KEY: "request_id"}).assign(event_time=rows["moment"] + LEAD)
    known = outcomes.rename(columns={KEY: "request_id", OUTCOME_TIME: "known_at"})
    now = simulated_now(renamed, known)
    logged = with_outcomes(renamed.reset_index(drop=True), known, now)
    view = View(Settings(), ServingModel(1, {}, {}, [], reference), now, logged, logged, known)
    return all_checks(view, FAMILIES)


def guard(check: Check) -> str:
    """Which guard a check belongs to."""
    if check.name.endswith(": drift"):  # of the hour too, although a feed is its cause
        return "drift"
    return {"feed": "feeds", "drift": "drift"}.get(check.cause, "performance")


def effect(rows: pd.DataFrame, outcomes: pd.DataFrame) -> dict[str, float]:
    """The model's figures on rows whose outcome is known."""
    known = rows.merge(outcomes, on=KEY)
    truth = targets(known)
    return metrics(rank(truth, known["probability"].to_numpy()), ASKED)


def swapped(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A client mixes up two columns."""
    one, other = SWAPPED
    return flights.assign(**{one: flights[other], other: flights[one]}), outcomes


def new_destination(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A tenth of the flights goes to an unseen destination."""
    moved = random.random(len(flights)) < 0.1
    return flights.assign(dest=flights["dest"].where(~moved, "QQQ")), outcomes


def no_tails(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """No aircraft is assigned two hours before: its number and all that hangs on it are missing."""
    names = [column.name for column in INPUTS if column.feed == "aircraft" and column.kind == "number"]
    nobody = pd.Series(None, flights.index, dtype=flights["tailnum"].dtype)
    return flights.assign(tailnum=nobody, **dict.fromkeys(names, np.nan)), outcomes


def noisy(name: str, flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """One column is off by noise as large as its own spread."""
    noise = random.normal(0, flights[name].std(), len(flights))
    return flights.assign(**{name: flights[name] + noise}), outcomes


FAULTS: dict[str, drills.Fault] = {
    "weather feed down": drills.feed_down,
    "weather feed frozen for a day": drills.feed_frozen,
    "temperature in Celsius": drills.celsius,
    "local hour as UTC": drills.wrong_time_zone,
    f"{' and '.join(SWAPPED)} swapped": swapped,
    "unseen carrier": drills.new_carrier,
    "unseen destination": new_destination,
    "no tail numbers": no_tails,
    "10 % of labels flipped": drills.label_flips,
    **{f"{NOISE}{name}": partial(noisy, name) for name in NOISY},
}


EXPECTED = {"weather feed down": MAX_MISSING_FEED_ERRORS.get("weather", 1.0)}  # the largest calibration error


def as_table(done: list[Stressed]) -> Table:
    """The faults for a terminal."""
    table = Table(title="The champion under failures, on the days that each hit, without any repair")
    numbers = ("ROC-AUC", "heuristic", "Brier", "heuristic", "calibration error", "rejected")
    for heading in ("fault", *numbers, "first guard", "what it said"):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for each in done:
        pairs = [f"{side[name]:.3f}" for name in ("roc_auc", "brier") for side in (each.figures, each.fallback)]
        error = f"{each.figures['calibration_error']:.3f}"
        table.add_row(each.fault, *pairs, error, f"{each.rejected:.1%}", each.guard, ", ".join(each.said[:2]))
    return table


if __name__ == "__main__":
    main()
