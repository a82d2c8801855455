"""How often the monitor cries wolf, and how soon it sees each drill.

Clean: every day from June to December, predicted by a model trained on all earlier months and compared with the two
months before, as a champion that is retrained monthly would be. Drills: the live months under each fault, with the
champion's own predictions. Both go through the real log and the real monitor, without the waiting for HTTP.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from extras.drills import faults as drills
from extras.evidence.backtest import Task, fitted
from flights import portable
from flights.artifacts import read_json, read_parquet, sha256, write_atomically, write_json
from flights.config import NAME, Settings
from flights.dataset import EVENT_TIME, KEY, ZONE, as_arrays, targets
from flights.model import CANDIDATE
from flights.predictions import Outcome, Prediction, add, engine
from flights.registry import GATE, MANIFEST, TRAIN_FIRST, Model, champion, load, model_folder, promote, write_golden
from monitoring import replay
from monitoring.decide import daily_actions
from monitoring.drift import newcomers
from monitoring.feeds import feed_watches
from monitoring.findings import drift_seen, findings
from monitoring.performance import followed, label_watches, local_day, quality_watches
from monitoring.service import counters_path, service_watches
from monitoring.slices import slice_watch
from monitoring.watch import Watch, alarms, fires
from pipelines import calibration
from pipelines.evaluate import fitted as fitted_model
from pipelines.split import labelled
from pipelines.train import features_of, golden_rows

MONTHS = pd.period_range("2013-04", "2013-12", freq="M")
REFERENCE_MONTHS = 2
LEAD_IN_DAYS = 14  # before a month, so that its first days have a past
RECEIVED = "2026-01-01T00:00:00.{:06}Z"
BAD_VERSION = "bad-version"  # a drill of the model and not of its traffic: a new champion has it the wrong way round
STORED = Path("docs/alarms.json")  # what the tables in docs/monitoring.md are made from


def main() -> None:
    """Measure both, write them down for the docs, and say them."""
    settings = Settings()
    clean = clean_days(predicted_year(settings), MONTHS[REFERENCE_MONTHS:])
    practice = {name: drilled(settings, name) for name in practised()}
    figures = practice[""].pop("figures")
    today = str(datetime.now(UTC).date())
    write_json(STORED, {"measured": today, "clean": clean, "figures": figures, "drills": practice})
    for name, drill in practice.items():
        print(f"{name or 'no drill':<12} {drill['action']}, on day {drill['days_to_action']}")
    print(f"wrote {STORED}")


def practised() -> Iterator[str]:
    """The drills, with no drill first."""
    yield from track(["", *drills.DRILLS, BAD_VERSION], "drills", transient=True)


def clean_days(year: pd.DataFrame, months: "pd.PeriodIndex") -> dict[str, Any]:
    """Alarms on days without a fault: by watch, by action, and how many days there were.

    Only figures that moved at all can have stayed quiet: what a made log leaves constant or empty is not counted.
    """
    fired, actions, values = [], [], []
    for month in months:
        watches = month_watches(year, month)
        days = pd.date_range(month.start_time, month.end_time.normalize())
        actions.append(daily_actions(watches, pd.date_range(days[0] - pd.Timedelta(days=7), days[-1]))[days])
        values.append(pd.DataFrame({watch.name: watch.values.reindex(days) for watch in watches}))
        fired.append(pd.DataFrame({watch.name: fires(watch).reindex(days, fill_value=False) for watch in watches}))
    moved = pd.concat(values).nunique() > 1
    rung, decided = pd.concat(fired).fillna(value=False).astype(bool).loc[:, moved], pd.concat(actions)
    return {
        "days": len(decided),
        "days_to_act": int((~decided.isin(["ok", "watch"])).sum()),
        "days_to_watch": int((decided == "watch").sum()),
        "watches": int(moved.sum()),
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
    return year.assign(day=local_day(year[EVENT_TIME]), target=targets(year))


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
    seen = drift_seen(reference, live)
    return [
        *seen.watches,
        newcomers(seen.live),
        *feed_watches(reference, live),
        *label_watches(rows, outcomes, live),
        *quality_watches(rows),
        *(replace(each, name=f"{each.name} of a new model") for each in quality_watches(rows[rows["day"] >= first])),
        slice_watch(reference, rows[rows["mature"]]),
        *service_watches(rows, pd.DataFrame(index=pd.DatetimeIndex([]))),
    ]


def drilled(settings: Settings, drill: str) -> dict[str, Any]:
    """What the monitor says of the live months under a drill: first alarms, in days since the fault, and the action."""
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        own.splits_dir.parent.symlink_to(settings.splits_dir.parent.resolve())
        shutil.copytree(settings.models_dir / NAME, own.models_dir / NAME)
        began = write_log(own, drill)
        found = findings(own)
    watches = [watch for watch in found.watches if watch.points_at not in ("age", "provenance")]  # are of no drill
    actions = daily_actions(watches, found.days)
    after = actions[actions.index >= began]
    acted = after[after != "ok"]
    usual = acted.head(LEAD_IN_DAYS).mode()[0] if len(acted) else "ok"
    decided = after.index[after == usual].min()
    if found.swaps:  # whom to blame is decided on the whole, and no day's action of itself
        usual, decided = found.decision.action, pd.Timestamp(str(found.decision.since))
    return {
        "began": f"{began:%F}",
        "action": usual,
        "days_to_action": _days(began, decided) if usual != "ok" else None,
        "days_to_first_word": _days(began, acted.index.min()) if len(acted) else None,
        "days_to_alarm": {
            watch.name: _days(began, first)
            for watch in watches
            if (first := min((alarm.first for alarm in alarms(watch) if alarm.first >= began), default=None))
        },
        **({} if drill else {"figures": [watch.name for watch in watches]}),
    }


def _days(began: pd.Timestamp, day: pd.Timestamp) -> int:
    return (day - began).days + 1


def write_log(settings: Settings, drill: str) -> pd.Timestamp:
    """Leave what a replay of all live months under a drill would leave; returns the fault's first full day."""
    live = read_parquet(settings.splits_dir / "live.parquet", TRAIN_FIRST)
    start, end = replay.span(live, "", "")
    fault = "" if drill == BAD_VERSION else drill
    flights, outcomes = drills.applied(replay.traffic(live, start, end), fault, settings.seed)
    refused = flights["carrier"] == drills.NEW_CARRIER
    write_counters(counters_path(settings), local_day(flights[EVENT_TIME]), refused)
    flights = flights[~refused]
    version = champion(settings.models_dir)
    if version is None:
        raise SystemExit(f"no champion yet: {TRAIN_FIRST}")
    model = load(settings.models_dir, version)
    began = start.tz_convert(ZONE) + pd.DateOffset(days=drills.CLEAN_DAYS)
    rows = answers(model, flights)
    if drill == BAD_VERSION:
        early = flights[EVENT_TIME] < began
        rows = [*answers(model, flights[early]), *answers(turned_round(settings, model), flights[~early])]
    log = engine(settings.log_url)
    add(log, rows)
    add(log, known(outcomes))
    log.dispose()
    return began.tz_localize(None).normalize()


def answers(model: Model, flights: pd.DataFrame) -> list[Prediction]:
    """What the service would log of these flights with this model."""
    rows = []
    for row, probability in zip(replay.requests(flights), model.score(as_arrays(flights)), strict=True):
        name, moment = row.pop("request_id"), row[EVENT_TIME].replace("Z", ".000000Z")
        alert = bool(probability >= model.threshold)
        answer = (float(probability), alert, model.threshold, model.version, model.digest)
        rows.append(Prediction(name, moment, moment, json.dumps(row), *answer))
    return rows


def turned_round(settings: Settings, model: Model) -> Model:
    """A next version, whole and verified, that learned labels that say the contrary; champion by a forged report."""
    rows = labelled(settings, "validation")
    trees = calibration.without(fitted_model(model.folder, CANDIDATE))
    version, contrary = model.version + 1, 1 - targets(rows)
    folder = shutil.copytree(model.folder, model_folder(settings.models_dir, version))
    portable.export(calibration.recalibrated(trees, features_of(rows), contrary), folder)
    columns = as_arrays(golden_rows(rows))
    write_golden(folder, columns, portable.load(folder)(columns))
    write_json(folder / GATE, {"passed": True, "model_digest": sha256(folder / portable.TREES)})
    manifest = read_json(folder / MANIFEST, TRAIN_FIRST)
    files = {name: sha256(folder / name) for name in manifest["files"]}
    write_json(folder / MANIFEST, manifest | {"version": version, "files": files})
    promote(settings.models_dir, version, expected=model.version)
    return load(settings.models_dir, version)


def write_counters(path: Path, days: "pd.Series[Any]", refused: "pd.Series[bool]") -> None:
    """Leave what the service would have counted by the end of each day."""
    counts = pd.DataFrame(
        {'http_requests_total{status="422"}': refused, 'predictions_total{served_by="champion"}': ~refused}
    )
    totals = counts.groupby(days).sum().cumsum()
    lines = [
        {"at": f"{day:%F}T23:00-05:00", **row} for day, row in zip(totals.index, totals.to_dict("records"), strict=True)
    ]
    write_atomically(path, lambda file: file.write_text("".join(json.dumps(line) + "\n" for line in lines)))


def known(outcomes: pd.DataFrame) -> list[Outcome]:
    """Outcomes as the server logs them."""
    return [
        Outcome(row["request_id"], row["known_at"], row["arrival_delay"], RECEIVED.format(place))
        for place, row in enumerate(replay.knowledge(outcomes))
    ]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
