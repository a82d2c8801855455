"""Everything that one look at the log finds: where each prediction is, every watched figure, and the decision."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from flights.artifacts import read_json, read_parquet
from flights.config import CADENCE_DAYS, Settings
from flights.contract import DTYPES
from flights.dataset import EVENT_TIME, INPUTS, ZONE
from flights.files import CADENCE_FILE, GATE_FILE, MANIFEST_FILE, METRICS_FILE, REFERENCE_FILE, TRAIN_FIRST
from flights.log_reader import count, counted_outcomes, engine, logged_predictions, newest_event, parsed_inputs
from flights.predictions import timestamp
from flights.registry import champion, history, model_folder
from monitoring import drift, feeds, performance, provenance, service, skew, slices
from monitoring.decide import BOUND_DAYS, Decision, decide
from monitoring.watch import Watch

LOOK_BACK_DAYS = 91  # thirteen weeks: what the figures need, and a quarter to look at
MOST_ROWS = 100_000  # of these days; of more, one request in so many: docs/monitoring.md says what that costs
MOST_UNREADABLE = 0.01  # share of a day's logged inputs
MOST_AHEAD = pd.Timedelta(days=7)  # of the moment of asking; what lies further off is no event that anybody plans
NEWEST_ROWS = 100  # answered last, that tell a service at work from a record of the past

Moment = pd.Timestamp


class NothingToMonitor(RuntimeError):
    """There is no champion, or no prediction yet."""


@dataclass(frozen=True)
class Champion:
    """What the monitor needs to know of the serving model."""

    version: int
    as_of: pd.Timestamp
    manifest: dict[str, Any]
    promised: dict[str, Any]  # metric -> value, low, high on the holdout
    promised_slices: list[dict[str, Any]]
    reference: pd.DataFrame  # inputs, probability, target, local day


@dataclass(frozen=True)
class Seen:
    """What the drift watches were made from; Evidently draws its pictures from the same."""

    watches: list[Watch]
    reference: pd.DataFrame  # watched columns by local day
    live: pd.DataFrame
    levels: "pd.Series[float]"  # distance of each column above which it drifts


@dataclass(frozen=True)
class Findings:
    """Everything that the report shows."""

    now: Moment
    champion: int
    ledger: dict[str, int]
    watches: list[Watch]
    days: pd.DatetimeIndex
    drift: Seen
    predicted: "pd.Series[float]"  # mean probability a day
    observed: "pd.Series[float]"  # share of late flights of the days past the watermark
    metrics: pd.DataFrame
    promises: list[dict[str, Any]]
    slice_promises: list[dict[str, Any]]
    late_then: float  # share of late flights on the holdout
    late_now: float  # and in the newest two weeks whose outcomes are known
    swaps: dict[Moment, int]
    decision: Decision


def findings(settings: Settings, now: Moment | None = None) -> Findings:
    """Look at the log's last weeks up to a moment, and decide; by default up to now, of a replay its newest moment.

    Raises
    ------
    NothingToMonitor
        There is no champion, or no prediction.
    """
    model = serving_model(settings.models_dir)
    log = engine(settings.log_url)
    rows, inputs, outcomes, moment, every = traffic(log, now)
    log.dispose()
    today = local_midnight(moment)
    full = inputs[inputs["day"] < today]  # a day that is not over looks different by nature
    seen = drift_seen(model.reference, full)
    judged = rows.join(inputs[list(slices.SLICED)])
    counts = service.daily_counts(service.counters_path(settings), moment)
    watches = [
        unreadable_watch(rows, inputs),
        *seen.watches,
        drift.newcomers(seen.live),
        *feeds.feed_watches(model.reference, full),
        skew.skew_watch(rows.loc[inputs.index], inputs, settings.models_dir),
        *performance.label_watches(rows, outcomes, inputs),
        *performance.quality_watches(rows),
        slices.slice_watch(model.reference, judged[judged["mature"] & (judged["state"] == "labelled")]),
        *service.service_watches(rows[rows["day"] < today], counts, today),
        age_watch(rows, model.as_of, greatest_age_days(settings.reports_dir)),
        *provenance.provenance_watches(settings, model.manifest, rows["day"].max()),
    ]
    swaps = swapped_to(rows)
    newest = performance.windows(rows)[-1:]
    return Findings(
        now=moment,
        champion=model.version,
        ledger=performance.ledger(rows) | {"unreadable": len(rows) - len(inputs), "one_in": every},
        watches=watches,
        days=pd.date_range(rows["day"].min(), max(rows["day"].max(), today - pd.Timedelta(days=1))),
        drift=seen,
        predicted=rows.groupby("day")["probability"].mean(),
        observed=rows[rows["mature"]].groupby("day")["target"].mean(),
        metrics=performance.trailing_metrics(rows),
        promises=performance.kept_promises(model.promised, performance.quality_now(rows)),
        slice_promises=slices.slice_promises(
            model.promised_slices, judged.loc[newest[0][1].index] if newest else judged[:0]
        ),
        late_then=float(model.reference["target"].mean()),
        late_now=float(newest[0][1]["target"].mean()) if newest else float("nan"),
        swaps=swaps,
        decision=decide(
            watches,
            swapped=max(swaps, default=None),
            newer=history(settings.models_dir)[-1].action == "promote",
            age_days=(today - made_as_of(model.manifest)).days,
            trained=trained_lately(settings.models_dir, today),
        ),
    )


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
    reference = read_parquet(folder / REFERENCE_FILE, TRAIN_FIRST)
    manifest = read_json(folder / MANIFEST_FILE, TRAIN_FIRST)
    promised = read_json(folder / METRICS_FILE, TRAIN_FIRST)
    by_slice = read_json(folder / GATE_FILE, TRAIN_FIRST).get("slices", [])
    days = performance.local_day(reference[EVENT_TIME])
    return Champion(version, pd.Timestamp(manifest["as_of"]), manifest, promised, by_slice, reference.assign(day=days))


def trained_lately(models_dir: Path, today: Moment) -> int:
    """On how many as-of days of the bound a version was published, promoted or refused."""
    manifests = model_folder(models_dir, 1).parent.glob("[0-9]*/manifest.json")
    as_of = {made_as_of(read_json(path, TRAIN_FIRST)) for path in manifests}
    return sum(today - pd.Timedelta(days=BOUND_DAYS) < day <= today for day in as_of)


def made_as_of(manifest: dict[str, Any]) -> Moment:
    """The day as of which a version was trained or, with the trees of an earlier one, recalibrated."""
    return pd.Timestamp(manifest.get("recalibrated_as_of", manifest["as_of"]))


def traffic(log: sa.Engine, now: Moment | None) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Moment, int]:
    """The last weeks' requests with their outcome, the inputs, the outcomes, the moment, and one in how many was read.

    Raises
    ------
    NothingToMonitor
        No prediction was logged.
    """
    until = "~" if now is None else timestamp(now + performance.LEAD)  # what was asked for by then
    newest = newest_event(log, MOST_AHEAD, until)  # a single 2099 would move the clock for good
    if newest is None:
        raise NothingToMonitor("no predictions yet: run `make serve`, and `make replay` beside it")
    first = local_midnight(pd.to_datetime(newest, utc=True)) - pd.Timedelta(days=LOOK_BACK_DAYS)
    begin = first.tz_localize(ZONE, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
    since = timestamp(begin)
    every = -(-count(log, since, until) // MOST_ROWS)
    predictions = logged_predictions(log, inputs=True, every=every, since=since, until=until)
    ahead = predictions["event_time"] - predictions["answered_at"]
    predictions = predictions[ahead <= MOST_AHEAD].reset_index(drop=True)
    now = wall_clock(predictions) if now is None else now
    outcomes = counted_outcomes(log, every, since=since, now=now)
    moment = performance.simulated_now(predictions, outcomes) if now is None else now
    rows = performance.followed(predictions, outcomes, moment)
    asked = outcomes[outcomes["known_at"] >= begin + performance.WATERMARK]  # before, of requests that were not read
    return rows, typed_inputs(rows), asked, moment, every


def wall_clock(predictions: pd.DataFrame) -> Moment | None:
    """Now, where the log is that of a service at work: it was asked lately, about what was about to happen."""
    newest = predictions.sort_values("answered_at").tail(NEWEST_ROWS)
    now, asked = pd.Timestamp.now("UTC"), newest["answered_at"]
    lately = now - asked.max() <= pd.Timedelta(days=LOOK_BACK_DAYS)
    soon = pd.Timedelta((newest["event_time"] - asked).abs().median()) <= MOST_AHEAD
    return now if lately and soon else None


def typed_inputs(rows: pd.DataFrame) -> pd.DataFrame:
    """The logged inputs in the contract's types, with the rows' index and day; what cannot be read is left out."""
    parsed = pd.Series(parsed_inputs(rows["inputs"]), rows.index, dtype=object)
    readable = parsed[[set(row) >= {column.name for column in INPUTS} for row in parsed]]
    frame = pd.DataFrame(list(readable), readable.index, columns=[column.name for column in INPUTS])
    for column in INPUTS:
        if column.kind != "text":
            frame[column.name] = frame[column.name].astype(DTYPES[column.kind])  # type: ignore[call-overload]
    return frame.join(rows[["probability", "day"]])


def unreadable_watch(rows: pd.DataFrame, inputs: pd.DataFrame) -> Watch:
    """Share of a day's predictions whose logged inputs cannot be read."""
    torn = pd.Series(~rows.index.isin(inputs.index), rows.index).astype(float).groupby(rows["day"]).mean()
    return Watch("unreadable inputs", "log", "share", torn, high=MOST_UNREADABLE)


def local_midnight(moment: Moment) -> Moment:
    """The beginning of the local day."""
    return moment.tz_convert(ZONE).tz_localize(None).normalize()


def drift_seen(reference: pd.DataFrame, live: pd.DataFrame) -> Seen:
    """Compare the columns of each full day with the days before it."""
    known = drift.known_texts(reference)
    past, present = (drift.watched(part, known).set_index(part["day"]) for part in (reference, live))
    distances, levels = drift.daily_distances(past, present)
    return Seen(drift.drift_watches(distances, levels), past, present, levels)


def greatest_age_days(reports_dir: Path) -> int:
    """How old the backtest lets a model grow."""
    path = reports_dir / CADENCE_FILE
    return int(read_json(path, "run `make backtest`")["greatest_age_days"]) if path.is_file() else CADENCE_DAYS


def age_watch(rows: pd.DataFrame, as_of: Moment, greatest_days: int) -> Watch:
    """Age of the serving model on each day against the cadence."""
    days = pd.DatetimeIndex(sorted(rows["day"].unique()))
    age = pd.Series((days - as_of).days, days, dtype=float)
    return Watch("age of the model", "age", "days", age, high=greatest_days, needed=1, of=1)


def swapped_to(rows: pd.DataFrame) -> dict[Moment, int]:
    """The days on which another model took over, and which; the first model of the log replaced none."""
    served = rows[rows["served_by"] == "champion"].groupby("day")["model_version"].agg(lambda used: used.iloc[-1])
    new = served[served.diff().fillna(0) != 0]
    return {pd.Timestamp(str(day)): int(version) for day, version in new.items()}
