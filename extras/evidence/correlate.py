"""Does the offline figure predict what happens: models made worse on purpose, ranked on the holdout and live.

Each model answers the live months into a prediction log of its own; its outcomes come late, and the monitor's own
reading of the log says what its decisions cost. A holdout that ranks models otherwise than the traffic is no guide.
It is opened on record, once for all of them: none of them is a candidate.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table

from flights.artifacts import read_parquet, write_atomically, write_json
from flights.columns import Columns
from flights.config import MISS_COST, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOME, ZONE, targets
from flights.evaluation import HIGHER_IS_BETTER, metrics
from flights.feature_set import build_features, plan
from flights.files import LIVE_FILE
from flights.log_reader import counted_outcomes, engine, logged_predictions
from flights.log_url import file_url
from flights.model import CANDIDATE, build_model, with_feed_outages
from flights.predictions import Outcome, Prediction, add
from flights.ranking import FALSE_ALARM_COST, Vector, rank, unweighted
from monitoring.outcomes import WATERMARK, with_outcomes
from pipelines.evaluation import holdout
from pipelines.rows import labelled_rows

SHOWN = ("roc_auc", "brier", "cost_per_1000")
RECEIVED = "2026-01-01T00:00:00.{:06}Z"  # any order will do: each outcome comes once


@dataclass(frozen=True)
class Recipe:
    """A model and what is done to make it worse."""

    name: str
    model: str = CANDIDATE
    every: int = 1  # learns from every Nth flight
    until: str = ""  # learns from flights before this day only
    lost: tuple[str, ...] = ()  # feeds that it never sees
    flipped: float = 0.0  # share of its labels that are wrong
    changes: Mapping[str, Any] = field(default_factory=dict)  # parameters of the model


RECIPES = (  # the day and the feeds are the example's
    Recipe("as it is"),
    Recipe("one row in 8", every=8),
    Recipe("one row in 32", every=32),
    Recipe("January only", until="2013-02-01"),
    Recipe("without weather", lost=("weather",)),
    Recipe("without network", lost=("network",)),
    Recipe("timetable only", lost=("aircraft", "network", "weather")),
    Recipe("20 % of labels wrong", flipped=0.2),
    Recipe("45 % of labels wrong", flipped=0.45),
    Recipe("eight trees", changes={"trees__max_iter": 8}),
    Recipe("trees of two leaves", changes={"trees__max_leaf_nodes": 2}),
    Recipe("logistic", model="logistic"),
    Recipe("heuristic", model="heuristic"),
)


def main() -> None:
    """Fit each recipe, measure it twice, and say how well the ranks agree."""
    settings, args = Settings.read(), arguments()
    train, validation = labelled_rows(settings, "train").iloc[:: args.every], labelled_rows(settings, "validation")
    asked = holdout.read_holdout(settings, "correlate")
    live = read_parquet(settings.splits_dir / LIVE_FILE, "run `make split`")
    found = {}
    for recipe in track(RECIPES, "models", transient=True):
        answer = fitted(recipe, train, settings.seed)
        threshold = cost_threshold(targets(validation), answer(validation))
        offline = metrics(rank(targets(asked), answer(asked), threshold))
        found[recipe.name] = {"offline": offline, "online": online(live, answer(live), threshold)}
    agreed = agreement(found)
    Console().print(as_table(found, agreed))
    path = write_json(settings.reports_dir / "correlate.json", {"models": found, "spearman": agreed})
    picture = write_atomically(path.with_suffix(".png"), figure(found, agreed).savefig)
    print(f"correlate wrote {path} and {picture.name}")


def arguments() -> argparse.Namespace:
    """On how much."""
    parser = argparse.ArgumentParser(prog="make correlate", description=__doc__)
    parser.add_argument("--every", type=int, default=4, help="learn from every Nth flight")
    return parser.parse_args()


def fitted(recipe: Recipe, train: pd.DataFrame, seed: int) -> Any:
    """Train a recipe's model; returns a function from rows to probabilities."""
    rows = train[train[EVENT_TIME] < pd.Timestamp(recipe.until, tz=ZONE)] if recipe.until else train
    rows = rows.iloc[:: recipe.every]
    truth = targets(rows)
    wrong = np.random.default_rng(seed).random(len(truth)) < recipe.flipped
    columns = as_arrays(rows)
    seen = with_feed_outages(columns, seed) if recipe.model == CANDIDATE else columns
    model = build_model(recipe.model, seed).set_params(**recipe.changes)
    model.fit(features(seen, recipe), np.where(wrong, 1 - truth, truth))
    return lambda asked: model.predict_proba(features(as_arrays(asked), recipe))[:, 1]


def features(columns: Columns, recipe: Recipe) -> pd.DataFrame:
    """The model's view; what comes from the recipe's lost feeds is the same for all."""
    lost = {column.name for column in INPUTS if column.feed in recipe.lost}
    made = pd.DataFrame(build_features(columns))
    return made.assign(**dict.fromkeys([name for name, _, read in plan() if lost & {*read}], 0.0))


def online(live: pd.DataFrame, probabilities: Vector, threshold: float) -> dict[str, float]:
    """What the monitor reads from a log in which a model answered all live flights, once every outcome has come."""
    with tempfile.TemporaryDirectory() as folder:
        log = engine(file_url(Path(folder) / "predictions.db"))
        add(log, predictions(live, probabilities, threshold))
        add(log, outcomes(live))
        logged, known = logged_predictions(log), counted_outcomes(log)
        log.dispose()
    rows = with_outcomes(logged, known, logged["event_time"].max() + WATERMARK)
    labelled = rows[rows["state"] == "labelled"]
    return metrics(rank(labelled["target"].to_numpy(), labelled["probability"].to_numpy(), threshold))


def predictions(live: pd.DataFrame, probabilities: Vector, threshold: float) -> list[Prediction]:
    """The answers as the server logs them."""
    times = live[EVENT_TIME].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return [
        Prediction(key, time, time, "{}", probability, probability >= threshold, threshold, 1, "")
        for key, time, probability in zip(live[KEY], times, probabilities.tolist(), strict=True)
    ]


def outcomes(live: pd.DataFrame) -> list[Outcome]:
    """What became known of the flights that arrived, and when."""
    arrived = live[live[OUTCOME].notna()]
    times = arrived["outcome_known_at"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    rows = zip(arrived[KEY], times, arrived[OUTCOME], strict=True)
    return [Outcome(key, time, delay, RECEIVED.format(place)) for place, (key, time, delay) in enumerate(rows)]


Found = Mapping[str, Mapping[str, Mapping[str, float]]]


def agreement(found: Found) -> dict[str, dict[str, float]]:
    """Spearman's correlation of each offline metric with itself live, and with the live cost; 1 is agreement."""
    offline, live = (
        pd.DataFrame({name: each[side] for name, each in found.items()}).T for side in ("offline", "online")
    )
    ranks, cost = live.rank(), live["cost_per_1000"].rank()
    return {
        name: {
            "itself": float(offline[name].rank().corr(ranks[name])),
            "cost": (-1 if name in HIGHER_IS_BETTER else 1) * float(offline[name].rank().corr(cost)),
        }
        for name in SHOWN
    }


def as_table(found: Found, agreed: Mapping[str, Mapping[str, float]]) -> Table:
    """The models for a terminal, the cheapest in live traffic first."""
    table = Table(title="Models made worse on purpose: the holdout's figures, and what followed in live traffic")
    table.add_column("model")
    for heading in ("ROC-AUC", "Brier", "cost per 1,000", "live ROC-AUC", "live Brier", "live cost"):
        table.add_column(heading, justify="right")
    for name, each in sorted(found.items(), key=lambda item: item[1]["online"]["cost_per_1000"]):
        figures = [each[side][metric] for side in ("offline", "online") for metric in SHOWN]
        table.add_row(name, *(f"{value:.0f}" if value > 1 else f"{value:.4f}" for value in figures))
    ranks = "; ".join(f"{name} {each['itself']:.3f} and {each['cost']:.3f}" for name, each in agreed.items())
    table.caption = (
        f"Spearman's correlation of the holdout's figure with itself and with the cost in live traffic: {ranks}"
    )
    return table


def figure(found: Found, agreed: Mapping[str, Mapping[str, float]]) -> Figure:
    """Offline against live, by ranking and by cost; one dot a model."""
    picture = Figure(figsize=(13, 5.4), layout="constrained")
    names = {"roc_auc": "ROC-AUC", "cost_per_1000": "cost per 1,000 flights, in false alarms"}
    for axes, (metric, words) in zip(picture.subplots(1, 2), names.items(), strict=True):
        for place, (name, each) in enumerate(found.items()):
            shape = "os^D"[place % 4]  # thirteen colours alone are not told apart
            dot = (each["offline"][metric], each["online"][metric])
            axes.plot(*dot, shape, color=f"C{place % 10}", markersize=9, label=name)
        axes.set(
            title=f"Does the holdout's order hold live? Spearman {agreed[metric]['itself']:.2f}",
            xlabel=f"holdout: {words}",
            ylabel=f"live months: {words}",
        )
        axes.grid(alpha=0.3)
    picture.legend(handles=axes.get_lines(), loc="outside right upper", frameon=False)
    return picture


def cost_threshold(targets: Vector, probabilities: Vector) -> float:
    """The decision threshold with the lowest cost on these rows."""
    rows = rank(targets, probabilities)
    hits, alerts = unweighted(rows).counts
    total = FALSE_ALARM_COST * (alerts - hits) + MISS_COST * (hits[-1] - hits)
    return float(rows.probabilities[rows.ends][np.argmin(total)])


if __name__ == "__main__":
    main()
