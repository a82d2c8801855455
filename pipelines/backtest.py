"""Backtest: month after month, train on everything before it and predict it, as if that had been the day.

Uses every month from April on, the holdout's too: it judges the way of training, never a single candidate.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table

from flights.artifacts import read_parquet, write_atomically, write_json
from flights.config import Settings
from flights.dataset import EVENT_TIME, ZONE, Columns, as_arrays, targets
from flights.evaluation import Vector, metrics, sort
from flights.features import build_features
from flights.model import CANDIDATE, build_model, with_feed_outages
from pipelines.plots import SHOWN
from pipelines.split import GAP_DAYS
from pipelines.step import step

FIRST_MONTH, LAST_MONTH = "2013-04", "2013-12"  # [SWAP] months that are predicted
MODELS = ("heuristic", CANDIDATE)
WORKERS = 2  # each holds its own copy of the rows: about 1 GB

Predictions = dict[str, Vector]  # the month's targets under `targets`, and each model's probabilities


def main() -> None:
    """Predict every month and report."""
    settings = Settings()
    with step("backtest") as said:
        source = settings.raw_dir / "valid.parquet"
        months = [str(month) for month in pd.period_range(FIRST_MONTH, LAST_MONTH, freq="M")]
        jobs = (delayed(month_predictions)(source, month, settings.seed) for month in months)
        done = Parallel(n_jobs=WORKERS, return_as="generator")(jobs)
        predicted = dict(zip(months, track(done, "months", total=len(months), transient=True), strict=True))
        report = summary(predicted)
        Console().print(as_table(report))
        path = write_json(settings.reports_dir / "backtest.json", report)
        picture = write_atomically(path.with_suffix(".png"), figure(report).savefig)
        said.read = f"{len(months)} months of {source}"
        said.wrote = f"{path} and {picture.name}"


def month_predictions(source: Path, month: str, seed: int) -> Predictions:
    """Train each model on all earlier months, all of whose outcomes are known, and predict one."""
    rows = read_parquet(source, "run make validate")
    rows = rows[~np.isnan(targets(rows))]
    start = pd.Timestamp(month, tz=ZONE)
    past = rows[rows[EVENT_TIME] < start - pd.DateOffset(days=GAP_DAYS)]
    present = rows[(rows[EVENT_TIME] >= start) & (rows[EVENT_TIME] < start + pd.DateOffset(months=1))]
    learned, asked = as_arrays(past), frame(as_arrays(present))
    lessons = {"heuristic": frame(learned), CANDIDATE: frame(with_feed_outages(learned, seed))}
    fits = {name: build_model(name, seed).fit(lessons[name], targets(past)) for name in MODELS}
    return {"targets": targets(present)} | {name: fit.predict_proba(asked)[:, 1] for name, fit in fits.items()}


def frame(columns: Columns) -> pd.DataFrame:
    """The models' view of some rows."""
    return pd.DataFrame(build_features(columns))


def summary(predicted: Mapping[str, Predictions]) -> dict[str, Any]:
    """Each model's metrics by month, pooled over all months, and the mean and lowest of the months' ROC-AUC."""
    by_month = {month: each_metrics(each) for month, each in predicted.items()}
    pooled = each_metrics(
        {name: np.concatenate([each[name] for each in predicted.values()]) for name in ("targets", *MODELS)}
    )
    areas = {name: [each[name]["roc_auc"] for each in by_month.values()] for name in MODELS}
    return {
        "months": by_month,
        "pooled": pooled,
        "roc_auc": {name: {"mean": float(np.mean(each)), "lowest": min(each)} for name, each in areas.items()},
    }


def each_metrics(predictions: Predictions) -> dict[str, dict[str, float]]:
    """Each model's metrics."""
    return {name: metrics(sort(predictions["targets"], predictions[name])) for name in MODELS}


def as_table(report: Mapping[str, Any]) -> Table:
    """The report for a terminal."""
    table = Table(title="Each month predicted from all earlier ones")
    for heading in ("month", *(f"{name} {metric}" for metric in ("ROC-AUC", "Brier") for name in MODELS)):
        table.add_column(heading, justify="right")
    for month, each in report["months"].items():
        table.add_row(month, *(f"{each[name][metric]:.3f}" for metric in ("roc_auc", "brier") for name in MODELS))
    pooled, area = report["pooled"], report["roc_auc"]
    table.add_section()
    table.add_row(
        "mean", *(f"{area[name]['mean']:.3f}" for name in MODELS), *(f"{pooled[name]['brier']:.4f}" for name in MODELS)
    )
    errors = ", ".join(f"{name} {pooled[name]['calibration_error']:.4f}" for name in MODELS)
    table.caption = f"Brier of the last line and calibration error ({errors}) are of all months pooled"
    return table


def figure(report: Mapping[str, Any]) -> Figure:
    """Ranking and probability score by month."""
    months = list(report["months"])
    picture = Figure(figsize=(11, 4), layout="constrained")
    axes = picture.subplots(1, 2)
    titles = {
        "roc_auc": ("Every month is ranked better than by the heuristic", "ROC-AUC"),
        "brier": ("and its probabilities are closer to what happened", "Brier score (lower is better)"),
    }
    for panel, (metric, (title, unit)) in zip(axes, titles.items(), strict=True):
        for name in MODELS:
            values = [each[name][metric] for each in report["months"].values()]
            panel.plot(months, values, marker="o", color=SHOWN[name], label=name)
        panel.set(title=title, xlabel="month predicted, from all earlier months", ylabel=unit)
        panel.tick_params(axis="x", rotation=45)
        panel.grid(alpha=0.3)
        panel.legend(frameon=False)
    return picture


if __name__ == "__main__":
    main()
