"""Stress: the champion under named faults, what each does to it, and which guard notices; all of it is run.

Each fault begins in the third week of otherwise clean traffic. What it does to the model is measured on the days that
it hit, as if nobody had noticed, beside the heuristic that would answer in its place. The guards stand in this order:
the contract refuses rows; what it lets through is watched for feeds that stop, stick or contradict themselves, for
drift, and for performance. A guard has noticed what it says that it does not say of the clean traffic.
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
from monitoring import feeds, performance
from monitoring.findings import drift_seen, serving_model
from monitoring.replay import LEAD, span, traffic
from monitoring.watch import Watch, fires

DAYS = 35  # of traffic: two clean weeks, and three with the fault
ASKED = ("roc_auc", "brier", "calibration_error")
SWAPPED = ("temperature", "humidity")  # two columns that a client might mix up
LEAST_REFUSED = 0.05  # of the rows that a fault hit: with fewer, the contract let the fault through
NOISE = "noise on "
NOISY = tuple(column.name for column in INPUTS if column.kind == "number")


@dataclass(frozen=True)
class Stressed:
    """One fault: what it did to the model on the days that it hit, and which guard noticed."""

    fault: str
    figures: Mapping[str, float]
    fallback: Mapping[str, float]  # the heuristic's figures on the same rows
    refused: float  # share of the rows
    guard: str  # the first to notice: contract, feeds, drift, performance or none
    said: tuple[str, ...]


def main() -> None:
    """Run every fault and leave the table; an error where the heuristic would have served better."""
    settings = Settings()
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
    if wrong := objections(done):
        sys.exit("\n".join(wrong))


def clean_traffic(live: pd.DataFrame) -> drills.Traffic:
    """The first weeks after the holdout."""
    start, _ = span(live, "", "")
    return traffic(live, start, start.tz_convert(ZONE) + pd.DateOffset(days=DAYS))


def stressed(
    fault: str, clean: drills.Traffic, model: registry.Model, reference: pd.DataFrame, usual: set[str], seed: int
) -> Stressed:
    """Plant one fault, measure the model, and ask the guards."""
    flights, outcomes = clean if fault == "none" else drills.planted(clean, FAULTS[fault], seed)
    probabilities = model.score(as_arrays(flights))
    refused = broken(flights)
    rows = flights.assign(probability=probabilities, threshold=model.threshold, model_version=model.version)
    said = {watch.name: guard(watch) for watch in watches(rows[~refused], outcomes, reference) if fires(watch).any()}
    fresh = {name: each for name, each in said.items() if name not in usual}
    hit = flights["moment"] >= first_day(clean)
    share = float(refused[hit].mean())
    noticed = [each for each in ("feeds", "drift", "performance") if each in fresh.values()]
    simple = flights.assign(probability=heuristic.load(model.folder).score(as_arrays(flights)))
    return Stressed(
        fault,
        effect(rows[hit], outcomes),
        effect(simple[hit], outcomes),
        share,
        "contract" if share >= LEAST_REFUSED else (noticed or ["none"])[0],
        tuple(fresh),
    )


def objections(done: Iterable[Stressed]) -> list[str]:
    """Faults under which the heuristic ranks or estimates as well, or the calibration error is above the promise.

    Noise as large as a column's own spread may make the heuristic as good, as long as a guard notices it.
    """
    return [
        f"{each.fault}: {name} is {each.figures[name]:.3f}, expected {word} {limit:.3f}"
        for each in done
        if each.guard == "none" or not each.fault.startswith(NOISE)
        for name, word, limit in (
            ("roc_auc", "above the heuristic's", each.fallback["roc_auc"]),
            ("brier", "below the heuristic's", each.fallback["brier"]),
            ("calibration_error", "below", PROMISED.get(each.fault, 1.0)),
        )
        if not (each.figures[name] > limit if word.startswith("above") else each.figures[name] < limit)
    ]


def first_day(clean: drills.Traffic) -> pd.Timestamp:
    """When the faults begin."""
    start: pd.Timestamp = clean[0]["moment"].min().tz_convert(ZONE).normalize()
    return start + pd.DateOffset(days=drills.CLEAN_DAYS)


def broken(flights: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows the contract refuses."""
    from pandera.errors import SchemaErrors

    found = np.zeros(len(flights), dtype=bool)
    try:
        contract(INPUTS).validate(flights[[column.name for column in INPUTS]].reset_index(drop=True), lazy=True)
    except SchemaErrors as errors:
        places = errors.failure_cases["index"]
        found[slice(None) if places.isna().any() else places.astype(int).unique()] = True
    return found


def watches(rows: pd.DataFrame, outcomes: pd.DataFrame, reference: pd.DataFrame) -> list[Watch]:
    """What the monitor watches of columns, feeds, labels and quality."""
    predictions = (
        rows.rename(columns={KEY: "request_id"}).assign(event_time=rows["moment"] + LEAD).reset_index(drop=True)
    )
    known = outcomes.rename(columns={KEY: "request_id", OUTCOME_TIME: "known_at"})
    now = performance.simulated_now(predictions, known)
    followed = performance.followed(predictions, known, now)
    return [
        *drift_seen(reference, followed).watches,
        *feeds.feed_watches(reference, followed),
        *performance.label_watches(followed, known, followed),
        *performance.quality_watches(followed),
    ]


def guard(watch: Watch) -> str:
    """Which guard a watch belongs to."""
    if watch.name.endswith(": drift"):  # of the hour too, which points at whoever sends it
        return "drift"
    return {"feed": "feeds", "drift": "drift"}.get(watch.points_at, "performance")


def effect(rows: pd.DataFrame, outcomes: pd.DataFrame) -> dict[str, float]:
    """The model's figures on rows whose outcome is known."""
    known = rows.merge(outcomes, on=KEY)
    truth = targets(known)
    return metrics(rank(truth, known["probability"].to_numpy()), ASKED)


def swapped(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> drills.Traffic:
    """A client mixes up two columns."""
    one, other = SWAPPED
    return flights.assign(**{one: flights[other], other: flights[one]}), outcomes


def new_destination(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> drills.Traffic:
    """A tenth of the flights goes where none has gone before."""
    moved = random.random(len(flights)) < 0.1
    return flights.assign(dest=flights["dest"].where(~moved, "QQQ")), outcomes


def no_tails(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> drills.Traffic:
    """No aircraft is assigned two hours before: its number and all that hangs on it are missing."""
    names = [column.name for column in INPUTS if column.feed == "aircraft" and column.kind == "number"]
    nobody = pd.Series(None, flights.index, dtype=flights["tailnum"].dtype)
    return flights.assign(tailnum=nobody, **dict.fromkeys(names, np.nan)), outcomes


def noisy(name: str, flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> drills.Traffic:
    """One column is off by noise as large as its own spread."""
    noise = random.normal(0, flights[name].std(), len(flights))
    return flights.assign(**{name: flights[name] + noise}), outcomes


FAULTS: dict[str, drills.Fault] = {
    "weather feed down": drills.feed_down,
    "weather feed stuck for a day": drills.feed_stuck,
    "temperature in Celsius": drills.celsius,
    "local hour as UTC": drills.utc_hour,
    f"{' and '.join(SWAPPED)} swapped": swapped,
    "unseen carrier": drills.new_carrier,
    "unseen destination": new_destination,
    "no tail numbers": no_tails,
    "10 % of labels flipped": drills.label_flips,
    **{f"{NOISE}{name}": partial(noisy, name) for name in NOISY},
}


PROMISED = {"weather feed down": MAX_MISSING_FEED_ERRORS.get("weather", 1.0)}  # the largest calibration error


def as_table(done: list[Stressed]) -> Table:
    """The faults for a terminal."""
    table = Table(title="The champion under faults, on the days that each hit; nobody corrected anything")
    numbers = ("ROC-AUC", "heuristic", "Brier", "heuristic", "calibration error", "refused")
    for heading in ("fault", *numbers, "first guard", "what it said"):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for each in done:
        pairs = [f"{side[name]:.3f}" for name in ("roc_auc", "brier") for side in (each.figures, each.fallback)]
        error = f"{each.figures['calibration_error']:.3f}"
        table.add_row(each.fault, *pairs, error, f"{each.refused:.1%}", each.guard, ", ".join(each.said[:2]))
    return table


if __name__ == "__main__":
    main()
