"""What one could have claimed: the same trees judged in ways that flatter, next to the honest metric.

A random split lets training see other flights of the days that it is judged by; a column that knows the outcome needs
no model at all. Only the first line is a claim about flights that have not departed yet.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from flights import model
from flights.artifacts import write_json
from flights.config import Settings
from flights.dataset import EVENT_TIME, OUTCOMES, ROWS, targets
from flights.evaluation import metrics
from flights.ranking import rank
from pipelines.evaluation import holdout
from pipelines.rows import features_of, labelled_rows
from pipelines.step import step

ASKED = ("roc_auc", "brier", "precision_at_budget")
LEAK = next(column.name for column in OUTCOMES if column.kind == "number")
DATE = "day of the year"


@dataclass(frozen=True)
class Claim:
    """One way to judge: which column is added, and whether rows are split at random or by time."""

    words: str
    at_random: bool = False
    extra: str = ""


CLAIMS = (
    Claim("honest: judged on later months"),
    Claim("rows split at random", at_random=True),
    Claim("rows split at random, and the date as a column", at_random=True, extra=DATE),
    Claim("the date as a column, judged on later months", extra=DATE),
    Claim(f"a column that knows the outcome: {LEAK}", extra=LEAK),
)


def main() -> None:
    """Fit the candidate once for each way and print what it would have claimed."""
    settings = Settings.read()
    with step("claims") as summary:
        train, later = labelled_rows(settings, "train"), holdout.read_holdout(settings, "claims")
        found = {
            claim.words: claimed(claim, train, later, settings.seed)
            for claim in track(CLAIMS, "claims", transient=True)
        }
        Console(width=120).print(as_table(found))
        path = write_json(settings.reports_dir / "claims.json", found)
        summary.read = f"{len(train):,} and {len(later):,} {ROWS}"
        summary.wrote = f"{len(found)} claims, one of them honest, to {path}"


def claimed(claim: Claim, train: pd.DataFrame, later: pd.DataFrame, seed: int) -> dict[str, float]:
    """The figures of one way to judge; it learns from as many rows, and is judged on as many, as the honest one."""
    if claim.at_random:
        everything = pd.concat([train, later], ignore_index=True)
        order = np.random.default_rng(seed).permutation(len(everything))
        train, later = everything.iloc[order[: len(train)]], everything.iloc[order[len(train) :]]
    fitted = model.build_model(model.CANDIDATE, seed).set_params(trees__monotonic_cst=None)
    fitted.fit(seen(train, claim.extra), targets(train))
    probabilities = fitted.predict_proba(seen(later, claim.extra))[:, 1]
    return metrics(rank(targets(later), probabilities), ASKED)


def seen(rows: pd.DataFrame, extra: str) -> pd.DataFrame:
    """The features, and one column more."""
    added = {DATE: rows[EVENT_TIME].dt.dayofyear.astype(np.float64), LEAK: rows[LEAK]}
    features = features_of(rows)
    return features.assign(**{extra: added[extra].to_numpy()}) if extra else features


def as_table(found: dict[str, dict[str, float]]) -> Table:
    """The claims for a terminal."""
    table = Table(title="What one could have claimed of the same trees", title_justify="left")
    for heading in ("how it is judged", "ROC-AUC", "Brier", "precision at the budget"):
        table.add_column(heading, justify="left" if heading == "how it is judged" else "right")
    for words, figures in found.items():
        table.add_row(words, *(f"{figures[name]:.3f}" for name in ASKED))
    return table


if __name__ == "__main__":
    main()
