"""How often the monitor cries wolf, and how soon it sees each drill.

Clean: every day from June to December, predicted by a model trained on all earlier months and compared with the two
months before, as a champion that is retrained monthly would be. Drills: the live months under each fault, with the
champion's own predictions. Both go through the real log and the real monitor, without the waiting for HTTP.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from flights.artifacts import read_parquet, write_atomically, write_json
from flights.config import Settings
from flights.dataset import EVENT_TIME, KEY, ZONE, as_arrays, targets
from flights.model import CANDIDATE
from flights.predictions import Outcome, Prediction, add, engine
from flights.registry import TRAIN_FIRST, champion, load
from monitoring import drills, replay
from monitoring.decide import daily_actions
from monitoring.feeds import feed_watches
from monitoring.findings import drift_seen, findings, service_watches
from monitoring.performance import followed, label_watches, local_day, quality_watches
from monitoring.watch import Watch, alarms, fires
from pipelines.backtest import Task, fitted

MONTHS = pd.period_range("2013-04", "2013-12", freq="M")
REFERENCE_MONTHS = 2
LEAD_IN_DAYS = 14  # before a month, so that its first days have a past
RECEIVED = "2026-01-01T00:00:00.{:06}Z"
PAGE = Path("docs/alarms.md")


def main() -> None:
    """Measure both and write them down, for machines and for people."""
    settings = Settings()
    measured = {"clean": clean_days(settings), "drills": {name: drilled(settings, name) for name in practised()}}
    path = write_json(settings.reports_dir / "alarms.json", measured)
    text = page(measured)
    write_atomically(PAGE, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    print(text)
    print(f"wrote {path} and {PAGE}")


def practised() -> Iterator[str]:
    """The drills, with no drill first."""
    yield from track(["", *drills.DRILLS], "drills", transient=True)


def clean_days(settings: Settings) -> dict[str, Any]:
    """Alarms on days without a fault: by watch, by action, and how many days there were."""
    year = predicted_year(settings)
    fired, actions = [], []
    for month in MONTHS[REFERENCE_MONTHS:]:
        watches = month_watches(year, month)
        days = pd.date_range(month.start_time, month.end_time.normalize())
        actions.append(daily_actions(watches, pd.date_range(days[0] - pd.Timedelta(days=7), days[-1]))[days])
        fired.append(pd.DataFrame({watch.name: fires(watch).reindex(days, fill_value=False) for watch in watches}))
    rung, decided = pd.concat(fired).fillna(value=False).astype(bool), pd.concat(actions)
    return {
        "days": len(decided),
        "days_to_act": int((~decided.isin(["ok", "watch"])).sum()),
        "days_to_watch": int((decided == "watch").sum()),
        "watches": len(rung.columns),
        "alarms_per_watch_and_day": float(rung.to_numpy().mean()),
        "days_by_watch": {name: int(days) for name, days in rung.sum().items() if days},
    }


def predicted_year(settings: Settings) -> pd.DataFrame:
    """Every flight with an outcome from April on, with the probability of a model that had seen none of its month."""
    source = settings.raw_dir / "valid.parquet"
    rows = read_parquet(source, "run make validate")
    rows = rows[~np.isnan(targets(rows))]
    months = []
    for month in track(MONTHS, "backtest", transient=True):
        start, end = (pd.Timestamp(day, tz=ZONE) for day in (month.start_time, (month + 1).start_time))
        chosen = rows[(rows[EVENT_TIME] >= start) & (rows[EVENT_TIME] < end)]
        found = fitted(Task(CANDIDATE, start, end), source, every=1, seed=settings.seed)
        months.append(chosen.assign(probability=found.probabilities))
    year = pd.concat(months).sort_values(EVENT_TIME, ignore_index=True)
    return year.assign(day=local_day(year[EVENT_TIME]))


def month_watches(year: pd.DataFrame, month: "pd.Period") -> list[Watch]:
    """Everything that a monitor watches in one month, with the two months before as its reference."""
    first, last = month.start_time, month.end_time.normalize()
    reference = year[year["day"].between((month - REFERENCE_MONTHS).start_time, first - pd.Timedelta(days=1))]
    live = year[year["day"].between(first - pd.Timedelta(days=LEAD_IN_DAYS), last)].reset_index(drop=True)
    log = live.rename(columns={KEY: "request_id", "outcome_known_at": "known_at"}).assign(event_time=live[EVENT_TIME])
    log = log.assign(model_version=1, threshold=0.3, served_by="champion", latency_us=0)
    outcomes = log[["request_id", "known_at", "arrival_delay"]]
    asked = log.drop(columns=["known_at", "arrival_delay"])
    rows = followed(asked, outcomes, log["event_time"].max() + pd.Timedelta(days=3))
    return [
        *drift_seen(reference, live).watches,
        *feed_watches(reference, live),
        *label_watches(rows, outcomes, live),
        *quality_watches(rows),
        *service_watches(rows),
    ]


def drilled(settings: Settings, drill: str) -> dict[str, Any]:
    """What the monitor says of the live months under a drill: first alarms, in days since the fault, and the action."""
    with tempfile.TemporaryDirectory() as folder:
        log = f"sqlite:///{folder}/predictions.db"
        began = write_log(settings, drill, log)
        found = findings(settings.model_copy(update={"predictions_url": log}))
    watches = [watch for watch in found.watches if watch.points_at != "age"]
    actions = daily_actions(watches, found.days)
    after = actions[actions.index >= began]
    acted = after[after != "ok"]
    usual = acted.head(LEAD_IN_DAYS).mode()[0] if len(acted) else "ok"
    return {
        "began": f"{began:%F}",
        "action": usual,
        "days_to_action": _days(began, after.index[after == usual].min()) if usual != "ok" else None,
        "days_to_first_word": _days(began, acted.index.min()) if len(acted) else None,
        "days_to_alarm": {
            watch.name: _days(began, first)
            for watch in watches
            if (first := min((alarm.first for alarm in alarms(watch) if alarm.first >= began), default=None))
        },
    }


def _days(began: pd.Timestamp, day: pd.Timestamp) -> int:
    return (day - began).days + 1


def write_log(settings: Settings, drill: str, url: str) -> pd.Timestamp:
    """Leave what a replay of all live months under a drill would leave; returns the fault's first full day."""
    live = read_parquet(settings.splits_dir / "live.parquet", TRAIN_FIRST)
    start, end = replay.span(live, "", "")
    flights, outcomes = drills.applied(replay.traffic(live, start, end), drill, settings.seed)
    flights = flights[flights["carrier"] != drills.NEW_CARRIER]  # the service refuses those
    version = champion(settings.models_dir)
    if version is None:
        raise SystemExit(f"no champion yet: {TRAIN_FIRST}")
    model = load(settings.models_dir, version)
    probabilities = model.score(as_arrays(flights))
    rows = []
    for row, probability in zip(replay.requests(flights), probabilities, strict=True):
        name, moment = row.pop("request_id"), row[EVENT_TIME].replace("Z", ".000000Z")
        alert = bool(probability >= model.threshold)
        answer = (float(probability), alert, model.threshold, version, model.digest)
        rows.append(Prediction(name, moment, moment, json.dumps(row), *answer))
    log = engine(url)
    add(log, rows)
    add(log, known(outcomes))
    log.dispose()
    return start.tz_convert(ZONE).tz_localize(None).normalize() + pd.Timedelta(days=drills.CLEAN_DAYS)


def known(outcomes: pd.DataFrame) -> list[Outcome]:
    """Outcomes as the server logs them."""
    return [
        Outcome(row["request_id"], row["known_at"], row["arrival_delay"], RECEIVED.format(place))
        for place, row in enumerate(replay.knowledge(outcomes))
    ]


def page(measured: dict[str, Any]) -> str:
    """The measurements as a page."""
    clean, found = measured["clean"], measured["drills"]
    fault_of = {name: name or "no drill" for name in found}
    rows = "".join(
        f"| {fault_of[name]} | {drill['action']} | {drill['days_to_action'] or '-'} | {seen_by(drill, found[''])} |\n"
        for name, drill in found.items()
    )
    rung = ", ".join(f"{name} ({days} days)" for name, days in clean["days_by_watch"].items()) or "none"
    return f"""# Alarms: how often, how soon, by whom

Measured by `python -m benchmarks.alarms`.

## On {clean["days"]} clean days

Each day from June to December, predicted by a model trained on all earlier months, beside the two months before.
{clean["days_to_act"]} days ({clean["days_to_act"] / clean["days"]:.1%}) would have called somebody to act, and on
{clean["days_to_watch"]} ({clean["days_to_watch"] / clean["days"]:.1%}) the advice was to watch. Of all
{clean["watches"]} watches on all days, {clean["alarms_per_watch_and_day"]:.2%} rang: {rung}.

## Under each drill

The live months, with the fault from the {drills.CLEAN_DAYS + 1}th day on. Days count from the fault's first; figures
that wait for outcomes are there two days after the day that they speak of.

| drill | action | on day | seen by (on day) |
|---|---|---|---|
{rows}"""


def seen_by(drill: dict[str, Any], without: dict[str, Any]) -> str:
    """The watches that saw the fault, in the order in which they did; what rings without a drill has not seen it."""
    first = sorted(drill["days_to_alarm"].items(), key=lambda item: (item[1], item[0]))
    told = [f"{name} ({day})" for name, day in first if without["days_to_alarm"].get(name) != day]
    return ", ".join(told[:6]) + (f" and {len(told) - 6} more" if len(told) > 6 else "") or "nobody"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
