"""Label audit: which recorded outcomes are wrong, by rules over the raw times or by cleanlab, whichever finds more.

Both are tried first on real flights of which some were mislabelled on purpose; the winner goes over all of them. It may
read what no feature may: the audit looks back, with every outcome known.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from extras.evidence.mislabels import MISTAKES, PLANTED_SHARE, Rows, mislabelled
from flights.artifacts import write_atomically, write_json
from flights.config import Settings
from flights.dataset import LATE_MINUTES
from flights.files import LABELS_FILE
from pipelines.collection.timetable import TABLES, clock, source_folder, with_instants
from pipelines.step import step

TRIAL_DAYS = 8  # every Nth day: an aircraft's legs stay together
MIN_PRECISION = 0.8  # of a method that may win: an audit that cries wolf is not read
TAXI_MINUTES = (3, 150)  # between gate-to-gate time and air time: 5 to 136 in 99.9 % of real flights
MAX_MPH = 600  # over the ground, with the jet stream; 548 in 99.99 % of real flights
FOLDS = 5
EXAMPLES = ["flight_id", "tailnum", "dest", "departure_delay", "arrival_delay", "air_time", "taxi_minutes", "reason"]

Mask = NDArray[np.bool_]
Finder = Callable[[pd.DataFrame], Mask]


@dataclass(frozen=True)
class Trial:
    """How a method did on planted mistakes."""

    precision: float
    recall: float
    recall_by_kind: dict[str, float]


def main() -> None:
    """Try the methods on planted mistakes, and go over the real data with the winner."""
    settings = Settings.read()
    with step("labels") as summary:
        tables = {name: pd.read_csv(source_folder() / file) for name, file in TABLES.items()}
        source = tables["flights"][tables["flights"]["arr_delay"].notna()].reset_index(drop=True)
        tried = trials(source, tables["airports"], settings.seed)
        winner = best(tried)
        flights = legs(source, tables["airports"])
        found = {reason: rule(flights) for reason, rule in RULES.items()}
        suspects = METHODS[winner](flights)
        Console().print(as_table(tried, winner))
        for reason, mask in found.items():
            print(f"{mask.sum():>7,} of {len(flights):,}: {reason}")
        examples = with_reasons(flights, found, suspects)
        path = write_json(settings.reports_dir / LABELS_FILE, report(tried, winner, found, suspects))
        listed = write_atomically(path.with_suffix(".csv"), lambda file: examples.to_csv(file, index=False))
        summary.read = f"{len(flights):,} flights with an outcome"
        summary.wrote = f"{path} and {suspects.sum():,} suspects to {listed.name}"


def legs(source: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """Flights with their raw times, instants and what follows: time on the ground, and when the aircraft left again."""
    raw = source[["dep_time", "sched_dep_time", "arr_time", "sched_arr_time", "air_time"]]
    flights = pd.concat([with_instants(source, airports), raw], axis="columns")
    gate_to_gate = (flights["outcome_known_at"] - flights["actual_departure"]).dt.total_seconds() / 60
    flights["taxi_minutes"] = gate_to_gate - flights["air_time"]
    following = flights.sort_values("actual_departure", kind="stable").groupby("tailnum")["actual_departure"].shift(-1)
    return flights.assign(departed_again=following)


def clocks_disagree(flights: pd.DataFrame) -> Mask:
    """Schedule plus delay is not the time on the clock, at either end."""
    wrong = np.zeros(len(flights), bool)
    for end, delay in (("dep", "departure_delay"), ("arr", "arrival_delay")):
        shown = (clock(flights[f"{end}_time"]) - clock(flights[f"sched_{end}_time"])).dt.total_seconds() / 60
        wrong |= ((shown - flights[delay]) % 1440 != 0).to_numpy()
    return wrong


def ground_time_impossible(flights: pd.DataFrame) -> Mask:
    """From gate to gate it took no longer than in the air, or hours longer."""
    return ~flights["taxi_minutes"].between(*TAXI_MINUTES).to_numpy(bool)


def too_fast(flights: pd.DataFrame) -> Mask:
    """Flown faster than an airliner flies."""
    return (flights["distance"] > MAX_MPH / 60 * flights["air_time"]).to_numpy(bool)


def gone_before_arrival(flights: pd.DataFrame) -> Mask:
    """The same aircraft left New York again before it had arrived elsewhere."""
    return (flights["departed_again"] < flights["outcome_known_at"]).to_numpy(bool)


RULES: dict[str, Finder] = {  # what these records cannot say if they are true
    "schedule plus delay is not the clock's time": clocks_disagree,
    "time on the ground impossible": ground_time_impossible,
    "faster than it flies": too_fast,
    "gone again before it arrived": gone_before_arrival,
}


def by_rules(flights: pd.DataFrame) -> Mask:
    """Flights that break any rule."""
    broken: Mask = np.logical_or.reduce([rule(flights) for rule in RULES.values()])
    return broken


def by_cleanlab(flights: pd.DataFrame) -> Mask:
    """Flights whose label cleanlab doubts, given out-of-fold probabilities of a model that sees the departure too."""
    from cleanlab.filter import find_label_issues
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    seen = flights[["departure_delay", "air_time", "scheduled_minutes", "distance"]]
    seen = seen.assign(unused=flights["scheduled_minutes"] - flights["air_time"])
    late = (flights["arrival_delay"] >= LATE_MINUTES).to_numpy(int)
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)
    probabilities = cross_val_predict(model, seen, late, cv=FOLDS, method="predict_proba")
    found: Mask = find_label_issues(late, probabilities, filter_by="confident_learning", n_jobs=1)
    return found


def by_both(flights: pd.DataFrame) -> Mask:
    """Flights that either doubts."""
    return by_rules(flights) | by_cleanlab(flights)


METHODS: dict[str, Finder] = {"rules": by_rules, "cleanlab": by_cleanlab, "both": by_both}


def trials(source: pd.DataFrame, airports: pd.DataFrame, seed: int) -> dict[str, Trial]:
    """Each method's precision and recall over mistakes planted into the same real flights."""
    source = source[source["day"] % TRIAL_DAYS == 0].reset_index(drop=True)
    planted, changed = mislabelled(source, seed)
    flights = legs(changed, airports)
    return {name: trial(find(flights), planted) for name, find in METHODS.items()}


def trial(found: Mask, planted: Mapping[str, Rows]) -> Trial:
    """Precision over everything found; whatever is wrong in the real data counts as a false alarm."""
    truth = np.zeros(len(found), bool)
    truth[np.concatenate(list(planted.values()))] = True
    hits = int((found & truth).sum())
    recalls = {kind: float(found[rows].mean()) for kind, rows in planted.items()}
    return Trial(hits / max(int(found.sum()), 1), hits / int(truth.sum()), recalls)


def best(tried: Mapping[str, Trial]) -> str:
    """The method that finds most of those that are precise enough, or else the most precise one."""
    precise = [name for name, each in tried.items() if each.precision >= MIN_PRECISION]
    if not precise:
        return max(tried, key=lambda name: tried[name].precision)
    return max(precise, key=lambda name: tried[name].recall)


def with_reasons(flights: pd.DataFrame, found: Mapping[str, Mask], suspects: Mask) -> pd.DataFrame:
    """The suspects, each with the rules that it breaks."""
    reasons = [[reason for reason, mask in found.items() if mask[row]] for row in np.flatnonzero(suspects)]
    listed = flights[suspects].assign(reason=["; ".join(each) or "its label is improbable" for each in reasons])
    return listed.sort_values(["reason", "flight_id"])[EXAMPLES]


def report(tried: Mapping[str, Trial], winner: str, found: Mapping[str, Mask], suspects: Mask) -> dict[str, Any]:
    """Everything measured, as JSON."""
    return {
        "trials": {name: asdict(each) for name, each in tried.items()},
        "winner": winner,
        "flights": len(suspects),
        "suspects": int(suspects.sum()),
        "by_rule": {reason: int(mask.sum()) for reason, mask in found.items()},
    }


def as_table(tried: Mapping[str, Trial], winner: str) -> Table:
    """The trials for a terminal."""
    table = Table(title=f"Planted mislabels, {PLANTED_SHARE:.0%} of real flights of each kind. Taken: {winner}")
    for heading in ("method", "precision", "recall", *(f"recall: {kind}" for kind in MISTAKES)):
        table.add_column(heading, justify="right")
    for name, each in tried.items():
        shares = (each.precision, each.recall, *each.recall_by_kind.values())
        table.add_row(name, *(f"{share:.1%}" for share in shares))
    table.caption = (
        f"Taken is what finds most at a precision of {MIN_PRECISION:.0%} or more; real mistakes count against it"
    )
    return table


if __name__ == "__main__":
    main()
