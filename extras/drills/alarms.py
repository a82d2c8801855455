"""How often the monitor fires without a reason, and how soon it sees each drill.

Clean: every day from June to December, predicted by a model trained on all earlier months and compared with the two
months before, as a champion that is retrained monthly would be. Drills: the live months under each failure, with the
champion's own predictions. Both go through the real checks, the drills through the real log too, without HTTP.
"""

import json
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from extras.drills import faults
from extras.drills.bad_version import reversed_version
from extras.drills.drill_helpers import serving
from extras.drills.weeks import add_to_log, logged_answers, report_outcomes
from flights.artifacts import read_json, read_parquet, write_atomically, write_json
from flights.config import GAP_DAYS, NAME, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, KEY, OUTCOME, OUTCOME_TIME, ZONE, targets
from flights.feature_set import build_features
from flights.files import COUNTERS_FILE, LIVE_FILE, TRAIN_FIRST, VALID_FILE
from flights.model import CANDIDATE, build_model, with_feed_outages
from monitoring.check import Check, alarms, is_firing
from monitoring.checks.performance import quality_checks
from monitoring.decide import daily_actions
from monitoring.findings import all_checks, findings
from monitoring.outcomes import local_day, with_outcomes
from monitoring.traffic import period, traffic
from monitoring.view import ServingModel, View

MONTHS = pd.period_range("2013-04", "2013-12", freq="M")
REFERENCE_MONTHS = 2
ROWS_A_DAY = (45, 100, 300, 900)
TRAIN_EVERY = 3  # of the rows, for the days with fewer rows: nine trainings in a third of the time
LEAD_IN_DAYS = 14  # before a month, so that its first days have a past
BAD_VERSION = "bad-version"  # a drill of the model and not of its traffic: a new champion that learned wrong labels
ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs" / "alarms.json"  # what the tables in docs/monitoring.md are made from
FAMILIES = ("categories", "drift", "feeds", "labels", "performance", "service", "slices")  # of checks on clean days
NO_DRILL = ("age", "provenance")  # causes that no drill moves


def main() -> None:
    """Measure both, and write them for the docs; with the word `rows`, measure the clean days by rows a day."""
    settings, today = Settings.read(), str(datetime.now(UTC).date())
    if sys.argv[1:] == ["rows"]:
        year = predicted_year(settings, TRAIN_EVERY)
        by_rows = {"measured": today, "clean": clean_days_by_rows(year, MONTHS[REFERENCE_MONTHS:], settings.seed)}
        write_json(STORED, read_json(STORED, "run `make alarms`") | {"by_rows": by_rows})
        print(f"wrote {STORED.relative_to(ROOT)}")
        return
    clean = clean_days(predicted_year(settings), MONTHS[REFERENCE_MONTHS:])
    drills = {name: drilled(settings, name) for name in track(all_drills(), "drills", transient=True)}
    names = drills[""].pop("checks")
    found = {"measured": today, "clean": clean, "checks": names, "drills": drills}
    write_json(STORED, (read_json(STORED, "") if STORED.is_file() else {}) | found)
    for name, drill in drills.items():
        print(f"{name or 'no drill':<16} {drill['action']}, on day {drill['days_to_action']}")
    print(f"wrote {STORED.relative_to(ROOT)}")


def all_drills() -> list[str]:
    """The drills, with no drill first."""
    return ["", *faults.DRILLS, BAD_VERSION]


def clean_days(year: pd.DataFrame, months: "pd.PeriodIndex") -> dict[str, Any]:
    """Alarms on days without a failure: by check, by action, and how many days there were.

    Only checks whose values moved can have stayed quiet: what a made log leaves constant or empty is not counted.
    """
    fired, actions, values = [], [], []
    for month in months:
        checks = month_checks(year, month)
        days = pd.date_range(month.start_time, month.end_time.normalize())
        actions.append(daily_actions(checks, pd.date_range(days[0] - pd.Timedelta(days=7), days[-1]))[days])
        values.append(pd.DataFrame({check.name: check.values.reindex(days) for check in checks}))
        fired.append(pd.DataFrame({check.name: is_firing(check).reindex(days, fill_value=False) for check in checks}))
    moved = pd.concat(values).nunique() > 1
    firing, decided = pd.concat(fired).fillna(value=False).astype(bool).loc[:, moved], pd.concat(actions)
    return {
        "days": len(decided),
        "days_to_act": int((~decided.isin(["ok", "watch"])).sum()),
        "days_to_watch": int((decided == "watch").sum()),
        "checks": int(moved.sum()),
        "alarms_per_check_and_day": float(firing.to_numpy().mean()),
        "days_by_check": {name: int(days) for name, days in firing.sum().items() if days},
    }


def clean_days_by_rows(year: pd.DataFrame, months: "pd.PeriodIndex", seed: int) -> dict[str, Any]:
    """Alarms on the clean days if there were fewer rows: traffic and reference are a random sample of each day's."""
    shuffled = year.sample(frac=1, random_state=seed)
    found = {}
    for rows in ROWS_A_DAY:
        few = shuffled[shuffled.groupby("day").cumcount() < rows].sort_values(EVENT_TIME, ignore_index=True)
        found[str(rows)] = clean_days(few, months)
    return found


def predicted_year(settings: Settings, train_every: int = 1) -> pd.DataFrame:
    """Every flight with an outcome from April on, with the probability of a model that had seen none of its month.

    The model trains on every row that was known by then, or on one of `train_every`.
    """
    rows = read_parquet(settings.raw_dir / VALID_FILE, "run `make validate`")
    rows = rows[~np.isnan(targets(rows))].reset_index(drop=True)
    columns, y_true, moments = as_arrays(rows), targets(rows), rows[EVENT_TIME]
    train_features = pd.DataFrame(build_features(with_feed_outages(columns, settings.seed)))
    features = pd.DataFrame(build_features(columns))
    months = []
    for month in track(MONTHS, "months", transient=True):
        start, end = pd.Timestamp(month.start_time, tz=ZONE), pd.Timestamp((month + 1).start_time, tz=ZONE)
        known = moments.searchsorted(start - pd.DateOffset(days=GAP_DAYS))
        model = build_model(CANDIDATE, settings.seed).fit(
            train_features.iloc[:known:train_every], y_true[:known:train_every]
        )
        asked = slice(moments.searchsorted(start), moments.searchsorted(end))
        months.append(rows.iloc[asked].assign(probability=model.predict_proba(features.iloc[asked])[:, 1]))
    year = pd.concat(months, ignore_index=True)
    return year.assign(day=local_day(year[EVENT_TIME]), target=targets(year))


def month_checks(year: pd.DataFrame, month: "pd.Period") -> list[Check]:
    """Everything that a monitor checks in one month, with the two months before as its reference."""
    first, last = month.start_time, month.end_time.normalize()
    reference = year[year["day"].between((month - REFERENCE_MONTHS).start_time, first - pd.Timedelta(days=1))]
    live = year[year["day"].between(first - pd.Timedelta(days=LEAD_IN_DAYS), last)].reset_index(drop=True)
    log = live[[KEY, "probability"]].rename(columns={KEY: "request_id"}).assign(event_time=live[EVENT_TIME])
    log = log.assign(model_version=1, threshold=0.3, served_by="champion", latency_us=0)
    outcomes = live[[KEY, OUTCOME_TIME, OUTCOME]].rename(columns={KEY: "request_id", OUTCOME_TIME: "known_at"})
    now = log["event_time"].max() + pd.Timedelta(days=3)
    rows = with_outcomes(log, outcomes, now)
    no_reports = Settings(data_dir=Path(os.devnull))  # no counters of a real service
    view = View(no_reports, ServingModel(1, {}, {}, [], reference), now, rows, live, outcomes)
    new_model = quality_checks(rows[rows["day"] >= first])
    return [*all_checks(view, FAMILIES), *(replace(each, name=f"{each.name} of a new model") for each in new_model)]


def drilled(settings: Settings, drill: str) -> dict[str, Any]:
    """What the monitor finds under a drill: first alarms, in days since the failure, and the action."""
    with tempfile.TemporaryDirectory() as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        own.splits_dir.parent.symlink_to(settings.splits_dir.parent.resolve())
        shutil.copytree(settings.models_dir / NAME, own.models_dir / NAME)
        began = write_log(own, drill)
        found = findings(own)
    checks = [check for check in found.checks if check.cause not in NO_DRILL]
    actions = daily_actions(checks, found.view.days)
    after = actions[actions.index >= began]
    acted = after[after != "ok"]
    usual = acted.head(LEAD_IN_DAYS).mode()[0] if len(acted) else "ok"
    decided = after.index[after == usual].min()
    if found.champion_changes:  # which model to blame is decided once, not day by day
        usual, decided = found.decision.action, pd.Timestamp(str(found.decision.since))
    return {
        "began": f"{began:%F}",
        "action": usual,
        "days_to_action": _days(began, decided) if usual != "ok" else None,
        "days_to_first_alarm": _days(began, acted.index.min()) if len(acted) else None,
        "days_to_alarm": {
            check.name: _days(began, first)
            for check in checks
            if (first := min((alarm.first for alarm in alarms(check) if alarm.first >= began), default=None))
        },
        **({} if drill else {"checks": [check.name for check in checks]}),
    }


def _days(began: pd.Timestamp, day: pd.Timestamp) -> int:
    return (day - began).days + 1


def write_log(settings: Settings, drill: str) -> pd.Timestamp:
    """Leave what a replay of all live months under a drill would leave; returns the failure's first full day."""
    live = read_parquet(settings.splits_dir / LIVE_FILE, TRAIN_FIRST)
    start, end = period(live, "", "")
    planted = "" if drill == BAD_VERSION else drill
    flights, outcomes = faults.applied(traffic(live, start, end), planted, settings.seed)
    rejected = flights["carrier"] == faults.NEW_CARRIER
    write_counters(settings.reports_dir / COUNTERS_FILE, local_day(flights[EVENT_TIME]), rejected)
    flights = flights[~rejected]
    model = serving(settings)
    began = start.tz_convert(ZONE) + pd.DateOffset(days=faults.CLEAN_DAYS)
    early = flights[EVENT_TIME] < began
    add_to_log(settings, logged_answers(model, flights[early]))
    later = reversed_version(settings, model) if drill == BAD_VERSION else model
    add_to_log(settings, logged_answers(later, flights[~early]))
    report_outcomes(settings, outcomes, hour=0)
    return began.tz_localize(None).normalize()


def write_counters(path: Path, days: "pd.Series[Any]", rejected: "pd.Series[bool]") -> None:
    """Leave what the service would have counted by the end of each day."""
    counts = pd.DataFrame(
        {'http_requests_total{status="422"}': rejected, 'predictions_total{served_by="champion"}': ~rejected}
    )
    totals = counts.groupby(days).sum().cumsum()
    lines = [
        {"at": f"{day:%F}T23:00-05:00", **row} for day, row in zip(totals.index, totals.to_dict("records"), strict=True)
    ]
    write_atomically(path, lambda file: file.write_text("".join(json.dumps(line) + "\n" for line in lines)))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
