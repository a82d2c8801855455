"""Weeks of live traffic with a failure in them, for drills: what the log would hold, and the decision."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from extras.drills import faults
from extras.drills.drill_helpers import serving
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, OUTCOME, ZONE, targets
from flights.files import LIVE_FILE, TRAIN_FIRST
from flights.log_reader import engine
from flights.predictions import Outcome, Prediction, add
from flights.registry import Model
from monitoring.decide import Decision
from monitoring.findings import findings
from monitoring.traffic import Traffic, outcome_bodies, period, request_bodies, traffic

FAULT_DAYS = 7  # after the clean ones; then it is repaired
DAYS = 28  # of live traffic in a log
RECEIVED = "2014-02-01T{:02}:00:00.{:06}Z"  # the log's stamp of an outcome: differs between any two


@dataclass(frozen=True)
class Month:
    """Some weeks of live traffic: as it would have been, and with a failure in its third week."""

    clean: Traffic
    faulty: Traffic
    begins: pd.Timestamp
    repaired: pd.Timestamp
    ends: pd.Timestamp
    truth: "pd.Series[float]"  # 1 late, 0 not, by key


def month(settings: Settings, drill: str, first_day: int = 0) -> Month:
    """Live traffic under a drill whose failure ends after `FAULT_DAYS`."""
    live = read_parquet(settings.splits_dir / LIVE_FILE, TRAIN_FIRST)
    begin, _ = period(live, "", "")
    begin = begin.tz_convert(ZONE) + pd.DateOffset(days=first_day)  # local days: one of them has 25 hours
    starts = begin + pd.DateOffset(days=faults.CLEAN_DAYS)
    repaired, ends = starts + pd.DateOffset(days=FAULT_DAYS), begin + pd.DateOffset(days=DAYS)
    clean = traffic(live, begin, ends)
    whole = faults.applied(clean, drill, settings.seed)
    moments = ("moment", "outcome_known_at")
    faulty = tuple(
        pd.concat([bad[bad[moment] < repaired], good[good[moment] >= repaired]], ignore_index=True)
        for bad, good, moment in zip(whole, clean, moments, strict=True)
    )
    truth = pd.Series(targets(live), live["flight_id"].to_numpy())
    return Month(clean, (faulty[0], faulty[1]), starts, repaired, ends, truth)


def in_fault(weeks: Month, sent: Traffic) -> pd.DataFrame:
    """The flights of the faulty week that got an outcome, in the order of their keys."""
    flights = sent[0]
    flights = flights[(flights["moment"] >= weeks.begins) & (flights["moment"] < weeks.repaired)]
    return flights[flights["flight_id"].map(weeks.truth).notna()].sort_values("flight_id", ignore_index=True)


def write_log(settings: Settings, sent: Traffic) -> None:
    """Leave what a replay of some traffic would leave in the log, without the HTTP requests."""
    flights, outcomes = sent
    flights = flights[flights["carrier"] != faults.NEW_CARRIER]  # the service rejects those
    add_to_log(settings, logged_answers(serving(settings), flights))
    report_outcomes(settings, outcomes, hour=0)


def logged_answers(model: Model, flights: pd.DataFrame) -> list[Prediction]:
    """What the service would log of these flights with this model."""
    rows = []
    for row, probability in zip(request_bodies(flights), model.score(as_arrays(flights)).tolist(), strict=True):
        name, moment = row.pop("request_id"), row[EVENT_TIME].replace("Z", ".000000Z")
        answer = (probability, probability >= model.threshold, model.threshold, model.version, model.digest)
        rows.append(Prediction(name, moment, moment, json.dumps(row), *answer))
    return rows


def report_outcomes(settings: Settings, outcomes: pd.DataFrame, hour: int) -> None:
    """Add outcomes to the log; those of a later hour replace those of an earlier one."""
    bodies = enumerate(outcome_bodies(outcomes))
    add_to_log(
        settings,
        [
            Outcome(row["request_id"], row["known_at"], row[OUTCOME], RECEIVED.format(hour, each))
            for each, row in bodies
        ],
    )


def add_to_log(settings: Settings, rows: Iterable[Prediction | Outcome]) -> None:
    """Add rows to the prediction log."""
    log = engine(settings.log_url)
    add(log, rows)
    log.dispose()


def decision_at(settings: Settings, now: pd.Timestamp) -> Decision:
    """What the monitor decides at a moment."""
    return findings(settings, now).decision
