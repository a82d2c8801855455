"""Ticks: what a longer tick of the feature views costs, as ROC-AUC on the holdout with intervals by day.

For each length the columns are computed again, and the candidate is fitted and evaluated on the same rows.
"""

from dataclasses import asdict
from typing import Any

import pandas as pd
from pydantic import Field
from rich.progress import track

from extras.feature_store.source import event_tables
from flights.artifacts import read_parquet, write_json
from flights.config import EnvironmentSettings
from flights.config import Settings as CoreSettings
from flights.dataset import EVENT_TIME, INPUTS, KEY, ROWS, targets
from flights.evaluation import metrics
from flights.extras.feature_views.events import inputs_of
from flights.files import VALID_FILE
from flights.model import CANDIDATE, build_model
from flights.ranking import Vector, rank
from flights.resampling import interval, margin, resampled_metrics
from pipelines.collection.timetable import TABLES, source_folder
from pipelines.evaluation import holdout
from pipelines.rows import Period, between, features_of, labelled, local_days, periods, training_features
from pipelines.step import interval_text, step

TICKS = (1, 5, 15, 60)  # minutes; the example's clocks show no seconds, so the first is every event
METRIC = "roc_auc"


class Settings(EnvironmentSettings, env_ignore_empty=True):
    """On how much."""

    every: int = Field(1, description="Keep every Nth row: faster, and less exact.", gt=0)


def main() -> None:
    """Fit and evaluate at each length of a tick, and print what differs from the shortest one."""
    settings, every = CoreSettings.read(), Settings.read().every
    with step("ticks") as summary:
        source, parts = settings.raw_dir / VALID_FILE, periods(settings.as_of)
        rows = labelled(read_parquet(source, "run `make validate`")).iloc[::every].reset_index(drop=True)
        holdout.log_access(settings, "ticks", period=parts["holdout"])
        events = event_tables({name: pd.read_csv(source_folder() / file) for name, file in TABLES.items()})
        found = {
            tick: evaluated(rows_at(rows, events, tick), parts, settings.seed)
            for tick in track(TICKS, "ticks", transient=True)
        }
        report = compared(found)
        for tick, each in report.items():
            better = interval_text(each["better"], 4)
            print(f"{tick:>2} min   ROC-AUC {interval_text(each[METRIC], 4)}   better by {better}")
        path = write_json(settings.reports_dir / "ticks.json", {"every": every, "ticks": report})
        summary.read, summary.wrote = f"{len(rows):,} {ROWS} of {source}", str(path)


def rows_at(rows: pd.DataFrame, events: dict[str, pd.DataFrame], every: int) -> pd.DataFrame:
    """The same rows with the views' numbers as of the last tick of another length."""
    found = inputs_of(events, rows[KEY], rows[EVENT_TIME], every)
    return rows.assign(**{column.name: found[column.name] for column in INPUTS if column.kind == "number"})


def evaluated(rows: pd.DataFrame, parts: dict[str, Period], seed: int) -> tuple[float, Vector]:
    """The candidate's metric on the holdout, and the same on resampled days."""
    train, test = between(rows, parts["train"]), between(rows, parts["holdout"])
    fitted = build_model(CANDIDATE, seed).fit(training_features(train, seed), targets(train))
    ranked = rank(targets(test), fitted.predict_proba(features_of(test))[:, 1])
    drawn = resampled_metrics(ranked, local_days(test), names=(METRIC,))
    return metrics(ranked, (METRIC,))[METRIC], drawn[METRIC]


def compared(found: dict[int, tuple[float, Vector]]) -> dict[int, dict[str, Any]]:
    """Each length's metric, and by how much it is better than at the shortest one, on the same resampled days."""
    shortest, draws = found[min(found)]
    return {
        tick: {METRIC: asdict(interval(value, drawn)), "better": asdict(margin(METRIC, value, shortest, drawn, draws))}
        for tick, (value, drawn) in found.items()
    }


if __name__ == "__main__":
    main()
