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
    days: pd.DatetimeIndex
    drifted: "pd.Series[float]"
    predicted: "pd.Series[float]"  # mean probability a day
    observed: "pd.Series[float]"  # share of late flights of the days past the watermark
    metrics: pd.DataFrame
    promises: list[dict[str, Any]]
    late_then: float  # share of late flights on the holdout
    late_now: float  # and in the newest two weeks whose outcomes are known
    reference: pd.DataFrame  # watched columns by local day
    live: pd.DataFrame
    levels: "pd.Series[float]"  # distance of each column above which it drifts
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
    report.write_site(settings.reports_dir, found)
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
    """The logged inputs in the contract's types, with the rows' index and day; what cannot be read is left out."""
    parsed = pd.Series(parsed_inputs(rows["inputs"]), rows.index, dtype=object)
    readable = parsed[[set(row) >= {column.name for column in INPUTS} for row in parsed]]
    frame = pd.DataFrame(list(readable), readable.index, columns=[column.name for column in INPUTS])
    for column in INPUTS:
        if column.kind != "text":
            frame[column.name] = frame[column.name].astype(DTYPES[column.kind])  # type: ignore[call-overload]
    return frame.assign(probability=rows["probability"], day=rows["day"])


def findings(
    model: Champion, rows: pd.DataFrame, inputs: pd.DataFrame, outcomes: pd.DataFrame, now: Moment, settings: Settings
) -> Findings:
    """Watch everything, and decide."""
    full = inputs[inputs["day"] < local_midnight(now)]  # a day that is not over looks different by nature
    known = drift.known_texts(model.reference)
    reference, live = (drift.watched(part, known).set_index(part["day"]) for part in (model.reference, full))
    distances, levels = drift.daily_distances(reference, live)
    drifts = drift.drift_watches(distances, levels)
    watches = [
        *drifts,
        *feeds.feed_watches(model.reference, full),
        skew.skew_watch(rows.loc[inputs.index], inputs, settings.models_dir),
        *performance.label_watches(rows, outcomes, inputs["scheduled_minutes"].reindex(rows.index)),
        *performance.quality_watches(rows),
        *service_watches(rows[rows["day"] < local_midnight(now)]),
        age_watch(rows, model.as_of),
    ]
    swaps = swapped_to(rows)
    age = (local_midnight(now) - model.as_of).days
    newest = performance.windows(rows)[-1:]
    return Findings(
        now=now,
        champion=model.version,
        ledger=performance.ledger(rows) | {"unreadable": len(rows) - len(inputs)},
        watches=watches,
        days=pd.DatetimeIndex(sorted(rows["day"].unique())),
        drifted=drift.drifted_share(drifts),
        predicted=rows.groupby("day")["probability"].mean(),
        observed=rows[rows["mature"]].groupby("day")["target"].mean(),
        metrics=performance.trailing_metrics(rows),
        promises=performance.kept_promises(model.promised, performance.quality_now(rows)),
        late_then=float(model.reference["target"].mean()),
        late_now=float(newest[0][1]["target"].mean()) if newest else float("nan"),
        reference=reference,
        live=live,
        levels=levels,
        swaps=swaps,
        decision=decide(watches, swapped=max(swaps, default=None), age_days=age),
    )


def local_midnight(moment: Moment) -> Moment:
    """The beginning of the local day."""
    return moment.tz_convert(ZONE).tz_localize(None).normalize()


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


def swapped_to(rows: pd.DataFrame) -> dict[Moment, int]:
    """The days on which another model took over, and which; the first model of the log replaced none."""
    served = rows[rows["served_by"] == "champion"].groupby("day")["model_version"].agg(lambda used: used.iloc[-1])
    new = served[served.diff().fillna(0) != 0]
    return {pd.Timestamp(str(day)): int(version) for day, version in new.items()}


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
    states = ", ".join(f"{counts[name]:,} {name}" for name in ("labelled", "waiting", "expired"))
    decided = f"{found.decision.action}, as {found.decision.why}"
    return f"read {counts['predictions']:,} predictions ({states}); decision: {decided}"


if __name__ == "__main__":
    main()
