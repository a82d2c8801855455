"""Tune: search other parameters for the candidate on train alone, and compare the checked-in ones with the best.

Successive halving over folds in the order of time; the best found and the checked-in model are then both fitted on all
of train and compared on validation, on the same resampled days. It changes nothing.
"""

import argparse
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from extras.evidence.workers import sampled_part
from flights.artifacts import write_json
from flights.config import Settings
from flights.dataset import targets
from flights.evaluation import metrics
from flights.model import CANDIDATE, build_model
from flights.ranking import Vector, rank
from flights.resampling import Interval, margin, resampled_metrics
from pipelines.rows import features_of, local_days, training_features
from pipelines.step import step

SPACE: dict[str, list[Any]] = {  # of the candidate's trees
    "trees__learning_rate": [0.03, 0.06, 0.1, 0.2],
    "trees__max_iter": [100, 200, 400],
    "trees__max_leaf_nodes": [15, 31, 63],
    "trees__min_samples_leaf": [50, 100, 200, 400],
    "trees__l2_regularization": [0.0, 1.0, 5.0, 20.0],
}
FOLDS = 3
FACTOR = 3  # one of N goes on, with N times the rows
SHOWN = 6


def main() -> None:
    """Search, compare with what is checked in, and say so."""
    settings, args = Settings.read(), arguments()
    with step("tune") as summary:
        train, validation = (sampled_part(settings.splits_dir, part, args.every) for part in ("train", "validation"))
        X_train, y_train = training_features(train, settings.seed), targets(train)
        tried = searched(X_train, y_train, args.tries, settings.seed)
        best = tried.iloc[0]["params"]
        gains = compared(best, X_train, y_train, validation, settings.seed)
        verdict = "within noise of the best found" if gains["roc_auc"].low <= 0 else "behind the best found"
        Console().print(as_table(tried, gains, verdict))
        content = {"verdict": verdict, "best": best, "checked_in": checked_in(settings.seed), "every": args.every}
        gained = {name: {"value": each.value, "low": each.low, "high": each.high} for name, each in gains.items()}
        summary.read = f"{len(train):,} flights, {args.tries} sets of parameters in {FOLDS} folds by time"
        summary.wrote = str(write_json(settings.reports_dir / "tune.json", content | {"gain": gained}))


def arguments() -> argparse.Namespace:
    """How much to search."""
    parser = argparse.ArgumentParser(prog="make tune", description=__doc__)
    parser.add_argument("--every", type=int, default=4, help="keep every Nth flight")
    parser.add_argument("--tries", type=int, default=27, help="sets of parameters to begin with")
    return parser.parse_args()


def checked_in(seed: int) -> dict[str, Any]:
    """The searched parameters as `model.py` has them."""
    given = build_model(CANDIDATE, seed).get_params()
    return {name: given[name] for name in SPACE}


def searched(X_train: pd.DataFrame, y_train: Vector, tries: int, seed: int) -> pd.DataFrame:
    """Every set of parameters with its ROC-AUC over the folds, those that went furthest first."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV, TimeSeriesSplit

    search = HalvingRandomSearchCV(
        build_model(CANDIDATE, seed),
        SPACE,
        n_candidates=tries,
        factor=FACTOR,
        min_resources="exhaust",  # so that the last round has all rows
        cv=TimeSeriesSplit(FOLDS),
        scoring="roc_auc",
        refit=False,
        random_state=seed,
    )
    search.fit(X_train, y_train)
    found = pd.DataFrame(search.cv_results_)
    return found.sort_values(["iter", "mean_test_score"], ascending=False, ignore_index=True)


def compared(
    best: Mapping[str, Any], X_train: pd.DataFrame, y_train: Vector, validation: pd.DataFrame, seed: int
) -> dict[str, Interval]:
    """What the best found gains over the checked-in parameters on validation, in ROC-AUC and Brier score."""
    y_valid, X_valid = targets(validation), features_of(validation)
    days = local_days(validation)
    figures, draws = [], []
    for changes in (best, {}):
        model = build_model(CANDIDATE, seed).set_params(**changes).fit(X_train, y_train)
        rows = rank(y_valid, model.predict_proba(X_valid)[:, 1])
        figures.append(metrics(rows))
        draws.append(resampled_metrics(rows, days))
    return {
        name: margin(name, figures[0][name], figures[1][name], draws[0][name], draws[1][name])
        for name in ("roc_auc", "brier")
    }


def as_table(tried: pd.DataFrame, gains: Mapping[str, Interval], verdict: str) -> Table:
    """The best sets for a terminal."""
    table = Table(title=f"Tuning on train alone: the checked-in parameters are {verdict}")
    for heading in (*(name.removeprefix("trees__") for name in SPACE), "rows", "ROC-AUC", "of folds"):
        table.add_column(heading, justify="right")
    for _, each in tried.head(SHOWN).iterrows():
        chosen = (str(each["params"][name]) for name in SPACE)
        figures = (f"{each['n_resources']}", f"{each['mean_test_score']:.4f}", f"± {each['std_test_score']:.4f}")
        table.add_row(*chosen, *figures)
    told = ", ".join(f"{name} {each.value:+.4f} [{each.low:+.4f}, {each.high:+.4f}]" for name, each in gains.items())
    table.caption = f"What the first gains over the checked-in ones on validation, with its interval by day: {told}"
    return table


if __name__ == "__main__":
    main()
