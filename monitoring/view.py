"""What one run of the monitor looks at: the last weeks of the prediction log, and the serving model's reference."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from flights.artifacts import read_json, read_parquet
from flights.config import Settings
from flights.contract import DTYPES
from flights.dataset import EVENT_TIME, INPUTS, ZONE
from flights.files import GATE_FILE, MANIFEST_FILE, METRICS_FILE, REFERENCE_FILE, TRAIN_FIRST
from flights.log_reader import count, counted_outcomes, engine, logged_predictions, newest_event, parsed
from flights.predictions import timestamp
from flights.registry import champion, model_folder
from monitoring.outcomes import LEAD, WATERMARK, local_day, local_midnight, simulated_now, with_outcomes

LOOK_BACK_DAYS = 91  # thirteen weeks: what the checks need, and a quarter for the report
MAX_ROWS = 100_000  # of these days; of more, a sample of the requests is read (docs/performance.md has the cost)
MAX_AHEAD = pd.Timedelta(days=7)  # of an event from the moment of asking; later ones are not plausible
NO_ROWS = "no predictions yet: run `make serve`, and `make replay` in a second terminal"
NEWEST_ROWS = 100  # answered last, that tell a live service from a record of the past

Moment = pd.Timestamp


class NothingToMonitor(RuntimeError):
    """There is no champion, or no prediction yet."""


@dataclass(frozen=True)
class ServingModel:
    """The champion, what its evaluation expects of it, and the rows that it is compared with."""

    version: int
    manifest: dict[str, Any]
    expected: dict[str, Any]  # metric -> value, low, high on the holdout
    expected_slices: list[dict[str, Any]]
    reference: pd.DataFrame  # inputs, probability, target, local day


@dataclass(frozen=True)
class View:
    """Predictions, inputs and outcomes up to the moment `now`; `inputs` has the index of `rows`, or a part of it."""

    settings: Settings
    model: ServingModel
    now: Moment
    rows: pd.DataFrame  # without their inputs as text
    inputs: pd.DataFrame  # without the rows whose inputs cannot be read
    outcomes: pd.DataFrame
    sample_every: int = 1
    skipped: int = 0  # rows whose event is too far ahead of their answer, or of the others' events
    older: int = 0  # rows before the ones that were read

    @property
    def today(self) -> Moment:
        """The local day of `now`, which is not over."""
        return local_midnight(self.now)

    @property
    def full_days(self) -> pd.DataFrame:
        """The inputs of the days that are over: an unfinished day looks different by nature."""
        return self.inputs[self.inputs["day"] < self.today]

    @property
    def days(self) -> pd.DatetimeIndex:
        """Every day to report: until yesterday, but for no longer than the log reaches back."""
        first, last = self.rows["day"].min(), self.rows["day"].max()
        quiet = min(self.today - pd.Timedelta(days=1), last + pd.Timedelta(days=LOOK_BACK_DAYS))
        return pd.date_range(first, max(last, quiet))


def serving_model(models_dir: Path) -> ServingModel:
    """Read the champion's evaluation and reference."""
    version = champion(models_dir)
    if version is None:
        raise NothingToMonitor(f"no champion yet: {TRAIN_FIRST}")
    folder = model_folder(models_dir, version)
    manifest, expected = read_json(folder / MANIFEST_FILE, TRAIN_FIRST), read_json(folder / METRICS_FILE, TRAIN_FIRST)
    gate = read_json(folder / GATE_FILE, TRAIN_FIRST)
    reference = read_parquet(folder / REFERENCE_FILE, TRAIN_FIRST)
    reference = reference.assign(day=local_day(reference[EVENT_TIME]))
    return ServingModel(version, manifest, expected, gate.get("slices", []), reference)


def read_view(settings: Settings, now: Moment | None = None) -> View:
    """Read the log up to a moment; by default up to now, and of a replay up to its newest moment."""
    model = serving_model(settings.models_dir)
    log = engine(settings.log_url)
    try:
        return _read(log, settings, model, now)
    finally:
        log.dispose()


def _read(log: sa.Engine, settings: Settings, model: ServingModel, now: Moment | None) -> View:
    until = "~" if now is None else timestamp(now + LEAD)  # what was asked for by then
    newest = newest_event(log, MAX_AHEAD, until)  # one event in 2099 must not move the clock
    if newest is None:
        events = logged_predictions(log, every=-(-count(log) // MAX_ROWS) or 1)["event_time"]
        span = f"NOW={now}: the log's rows are of {events.min()} to {events.max()}: choose a later NOW"
        raise NothingToMonitor(NO_ROWS if events.empty else span)
    begin, end = window_start(newest), until
    if count(log, timestamp(begin), until) < NEWEST_ROWS and (past := end_of_replay(log, until)):
        begin, end = window_start(newest_event(log, MAX_AHEAD, past) or newest), past
    since = timestamp(begin)
    every = -(-count(log, since, end) // MAX_ROWS)
    logged = logged_predictions(log, inputs=True, every=every, since=since, until=end)
    predictions = logged[is_plausible(logged)].reset_index(drop=True)
    skipped = len(logged) - len(predictions) + (count(log, end, until) if end < until else 0)
    now = _wall_clock(predictions) if now is None else now
    outcomes = counted_outcomes(log, every, since=since, now=now)
    moment = simulated_now(predictions, outcomes) if now is None else now
    rows = with_outcomes(predictions, outcomes, moment)
    asked = outcomes[outcomes["known_at"] >= begin + WATERMARK]  # earlier ones belong to requests that were not read
    inputs = typed_inputs(rows.assign(inputs=rows.pop("inputs")))
    return View(settings, model, moment, rows, inputs, asked, every, skipped, count(log, "", since))


def window_start(newest: datetime) -> Moment:
    """The local midnight from which on rows are read."""
    first = local_midnight(pd.to_datetime(newest, utc=True)) - pd.Timedelta(days=LOOK_BACK_DAYS)
    return first.tz_localize(ZONE, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")


def end_of_replay(log: sa.Engine, until: str) -> str | None:
    """The end of what was replayed, if the log is mostly of the past: single requests of today must not hide it."""
    rows = logged_predictions(log, every=max(1, -(-count(log, until=until) // MAX_ROWS)), until=until)
    newest = rows[is_plausible(rows)].sort_values("answered_at").tail(NEWEST_ROWS)
    if newest.empty or is_live(newest):
        return None
    return min(until, timestamp(pd.Timestamp(str(newest["event_time"].median())) + pd.Timedelta(days=LOOK_BACK_DAYS)))


def is_plausible(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each row's event is not too far ahead of its answer."""
    return rows["event_time"] - rows["answered_at"] <= MAX_AHEAD


def is_live(rows: pd.DataFrame) -> bool:
    """Whether predictions were asked for about what was about to happen."""
    return pd.Timedelta((rows["event_time"] - rows["answered_at"]).abs().median()) <= MAX_AHEAD


def _wall_clock(predictions: pd.DataFrame) -> Moment | None:
    """Now, if the log is that of a live service: it was asked lately, about what was about to happen."""
    newest = predictions.sort_values("answered_at").tail(NEWEST_ROWS)
    now, asked = pd.Timestamp.now("UTC"), newest["answered_at"]
    lately = now - asked.max() <= pd.Timedelta(days=LOOK_BACK_DAYS)
    return now if lately and is_live(newest) else None


def typed_inputs(rows: pd.DataFrame) -> pd.DataFrame:
    """The logged inputs in the contract's types, with index and day of the rows, without what cannot be read."""
    names = [column.name for column in INPUTS]
    objects = zip(rows.index, map(parsed, rows["inputs"]), strict=True)
    readable = {place: [row[name] for name in names] for place, row in objects if row.keys() >= set(names)}
    frame = pd.DataFrame(list(readable.values()), list(readable), names)
    for column in (each for each in INPUTS if each.kind != "text"):
        frame[column.name] = frame[column.name].astype(DTYPES[column.kind])  # type: ignore[call-overload]
    return frame.join(rows[["probability", "day"]])
