"""Monitor: read the prediction log, look at data, quality, labels and model, decide, and leave a report.

Exits with 1 when somebody must act. The decision for machines is `decision.json`, the report for people `index.html`.
"""

import argparse
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from flights.artifacts import read_json, read_parquet, write_json
from flights.config import Settings
from flights.dataset import DTYPES, EVENT_TIME, INPUTS, ZONE
from flights.predictions import counted_outcomes, engine, logged_predictions, parsed_inputs
from flights.registry import TRAIN_FIRST, champion, model_folder
from monitoring import drift, feeds, performance, report, skew
from monitoring.decide import Decision, decide
from monitoring.watch import Watch

CADENCE_DAYS = 28  # [SWAP] a model is trained anew after this time; never doing so costs 0.02 of ROC-AUC in nine months
FEWEST, MOST = 0.5, 1.6  # of the median day's predictions; a holiday has 0.6
SLOW_MS = 100.0  # of the 99th percentile from a request's arrival to the log

Moment = pd.Timestamp


class NothingToMonitor(RuntimeError):
    """There is no champion, or no prediction yet."""


@dataclass(frozen=True)
class Champion:
    """What the monitor needs to know of the serving model."""

    version: int
    as_of: pd.Timestamp
    promised: dict[str, Any]  # metric -> value, low, high on the holdout
    reference: pd.DataFrame  # inputs, probability, target, local day


@dataclass(frozen=True)
class Findings:
    """Everything that the report shows."""

    now: Moment
    champion: int
    ledger: dict[str, int]
    watches: list[Watch]
    drifted: "pd.Series[float]"
    metrics: pd.DataFrame
    promises: list[dict[str, Any]]
    swaps: dict[Moment, int]
    decision: Decision


def main() -> None:
    """Monitor up to NOW, write the report and say what to do."""
    settings, now = Settings(), arguments()
    began = time.perf_counter()
    try:
        model = serving_model(settings.models_dir)
        rows, inputs, outcomes, moment = traffic(engine(settings.log_url), now)
    except (NothingToMonitor, FileNotFoundError) as error:
        sys.exit(str(error))
    found = findings(model, rows, inputs, outcomes, moment, settings)
    write_json(settings.reports_dir / "decision.json", machine_readable(found))
    report.write_site(settings.reports_dir, found, model.reference, inputs)
    print(f"monitor   {spoken(found)}; {settings.reports_dir / 'index.html'}; {time.perf_counter() - began:.1f} s")
    sys.exit(found.decision.act)


def arguments() -> Moment | None:
    """The moment to look back from; by default the newest that the log speaks of."""
    parser = argparse.ArgumentParser(prog="make monitor", description=__doc__)
    parser.add_argument("--now", default=os.environ.get("NOW", ""), help="ISO 8601; default: the log's newest moment")
    text = parser.parse_args().now
    return pd.to_datetime(text, utc=True) if text else None


def serving_model(models_dir: Path) -> Champion:
    """The champion's promises and reference.

    Raises
    ------
    NothingToMonitor
        There is none.
    """
    version = champion(models_dir)
    if version is None:
        raise NothingToMonitor(f"no champion yet: {TRAIN_FIRST}")
    folder = model_folder(models_dir, version)
    reference = read_parquet(folder / "reference.parquet", TRAIN_FIRST)
    as_of = pd.Timestamp(read_json(folder / "manifest.json", TRAIN_FIRST)["as_of"])
    promised = read_json(folder / "metrics.json", TRAIN_FIRST)
    return Champion(version, as_of, promised, reference.assign(day=performance.local_day(reference[EVENT_TIME])))


def traffic(log: sa.Engine, now: Moment | None) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Moment]:
    """Predictions with their outcomes, their inputs, all outcomes, and the moment to look back from.

    Raises
    ------
    NothingToMonitor
        No prediction was logged.
    """
    predictions, outcomes = logged_predictions(log, inputs=True), counted_outcomes(log)
    predictions = predictions.dropna(subset="event_time").reset_index(drop=True)
    if predictions.empty:
        raise NothingToMonitor("no predictions yet: run `make serve`, and `make replay` beside it")
    moment = now if now is not None else performance.simulated_now(predictions, outcomes)
    rows = performance.followed(predictions, outcomes, moment)
    return rows, typed_inputs(rows), outcomes[outcomes["known_at"] <= moment], moment


def typed_inputs(rows: pd.DataFrame) -> pd.DataFrame:
    """The logged inputs in the contract's types, with the rows' index and day; rows that cannot be read are left out."""
    parsed = pd.Series(parsed_inputs(rows["inputs"]), rows.index, dtype=object)
    readable = parsed[[set(row) >= {column.name for column in INPUTS} for row in parsed]]
    frame = pd.DataFrame(list(readable), readable.index, columns=[column.name for column in INPUTS])
    for column in INPUTS:
        frame[column.name] = frame[column.name].astype(object if column.kind == "text" else DTYPES[column.kind])
    return frame.assign(probability=rows["probability"], day=rows["day"])


def findings(
    model: Champion, rows: pd.DataFrame, inputs: pd.DataFrame, outcomes: pd.DataFrame, now: Moment, settings: Settings
) -> Findings:
    """Watch everything, and decide."""
    full = inputs[inputs["day"] < local_midnight(now)]  # a day that is not over looks different by nature
    drifts = drift_watches(model.reference, full)
    watches = [
        *drifts,
        *feeds.feed_watches(model.reference, full),
        skew.skew_watch(rows.loc[inputs.index], inputs, settings.models_dir),
        *performance.label_watches(rows, outcomes, inputs["scheduled_minutes"].reindex(rows.index)),
        *performance.quality_watches(rows),
        *service_watches(rows[rows["day"] < local_midnight(now)]),
        age_watch(rows, model.as_of),
    ]
    swaps = new_versions(rows)
    age = (local_midnight(now) - model.as_of).days
    return Findings(
        now,
        model.version,
        performance.ledger(rows) | {"unreadable": len(rows) - len(inputs)},
        watches,
        drift.drifted_share(drifts),
        performance.trailing_metrics(rows),
        performance.kept_promises(model.promised, performance.quality_now(rows)),
        swaps,
        decide(watches, swapped=max(list(swaps)[1:], default=None), age_days=age),
    )


def local_midnight(moment: Moment) -> Moment:
    """The beginning of the local day."""
    return moment.tz_convert(ZONE).tz_localize(None).normalize()


def drift_watches(reference: pd.DataFrame, live: pd.DataFrame) -> list[Watch]:
    """The distance of each column from the days before, for each full day."""
    known = drift.known_texts(reference)
    days = [drift.watched(part, known).set_index(part["day"]) for part in (reference, live)]
    return drift.drift_watches(*drift.daily_distances(*days))


def service_watches(rows: pd.DataFrame) -> list[Watch]:
    """How much was asked, how fast it was answered, and whether a model answered."""
    by_day = rows.groupby("day")
    counts = by_day.size().astype(float).asfreq("D", fill_value=0.0)
    slow = by_day["latency_us"].quantile(0.99) / 1000
    substitutes = (rows["served_by"] == "heuristic").astype(float).groupby(rows["day"]).mean()
    usual = counts.expanding().median()
    return [
        Watch("traffic", "traffic", "of the usual", counts / usual, FEWEST, MOST),
        Watch("latency of the slowest hundredth", "service", "ms", slow, high=SLOW_MS),
        Watch("answered by the heuristic", "service", "share", substitutes, high=0.0),
    ]


def age_watch(rows: pd.DataFrame, as_of: Moment) -> Watch:
    """Age of the serving model on each day against the cadence."""
    days = pd.DatetimeIndex(sorted(rows["day"].unique()))
    age = pd.Series((days - as_of).days, days, dtype=float)
    return Watch("age of the model", "age", "days", age, high=CADENCE_DAYS, needed=1, of=1)


def new_versions(rows: pd.DataFrame) -> dict[Moment, int]:
    """The first day of each model version that answered, in the order of their appearance."""
    first = rows.groupby("model_version")["day"].min().sort_values()
    return {day: int(str(version)) for version, day in first.items()}


def machine_readable(found: Findings) -> dict[str, Any]:
    """The decision with what led to it."""
    return {
        **asdict(found.decision),
        "now": found.now.isoformat(),
        "champion": found.champion,
        "ledger": found.ledger,
        "promises": found.promises,
        "alarms": report.alarm_records(found.watches),
    }


def spoken(found: Findings) -> str:
    """The decision in one line."""
    counts = found.ledger
    states = f"{counts['labelled']:,} labelled, {counts['waiting']:,} waiting, {counts['expired']:,} expired"
    return f"read {counts['predictions']:,} predictions ({states}); decision: {found.decision.action}, as {found.decision.why}"


if __name__ == "__main__":
    main()
