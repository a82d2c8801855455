"""Send past flights as live traffic, over HTTP, and their outcomes when they would have been known.

A simulated clock runs over the span hour by hour. Each hour sends the flights whose prediction moment has come, then
the outcomes that have become known by its end; cancelled flights never get one. The server's log takes a request id
once and replay keeps its place, so an interrupted replay goes on where it stopped and nothing counts twice.
"""

import argparse
import importlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flights.artifacts import read_json, read_parquet, write_json
from flights.config import Settings
from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOME, OUTCOME_TIME, PREDICTION_LEAD_HOURS, ROWS, ZONE
from flights.files import LIVE_FILE
from flights.log_reader import engine, logged_predictions
from flights.predictions import timestamp
from monitoring import service

STEP = pd.Timedelta(hours=1)
LEAD = pd.Timedelta(hours=PREDICTION_LEAD_HOURS)
SINGLE_EVERY = 10  # one flight in ten is asked for alone, the others in batches
LARGEST_BATCH = 1000  # flights or outcomes in one request
KEEP_EVERY = 24  # simulated hours between two notes of the place
BUSY = {429, 503}  # "come back later"
ATTEMPTS = 6
PAUSE_SECONDS = 0.2  # before the second attempt; doubled each time

Rows = list[dict[str, Any]]


class ServerMissing(SystemExit):
    """Nobody answers where the server should be; the message says what to run."""


@dataclass
class Place:
    """How far a replay has come, and what the server answered until then, by status."""

    start: str
    end: str
    drill: str
    now: str
    predictions: dict[str, int]
    outcomes: dict[str, int]


def main() -> None:
    """Replay the span that arguments or the environment name, and say what the server made of it."""
    settings, wanted = Settings(), arguments()
    live = read_parquet(settings.splits_dir / LIVE_FILE, "run `make train`")
    start, end = span(live, wanted.first, wanted.last)
    flights, outcomes = practised(traffic(live, start, end), wanted.drill, (end - start).days, settings.seed)
    path = settings.data_dir / "4_predictions" / "replay.json"
    fresh = Place(str(start), str(end), wanted.drill, str(start - LEAD), {}, {})
    place = last_place(path, fresh)
    if wanted.drill and place is fresh:
        check_log(settings, start, end)
    if place.predictions:
        print(f"replay    goes on from {place.now}; to begin anew remove {path}")
    began = time.perf_counter()
    with httpx.Client(base_url=f"http://{settings.host}:{settings.port}", timeout=60) as client, bar() as progress:
        steps = pd.date_range(place.now, end, freq=STEP)
        for number, now in enumerate(progress.track(steps, description="replay"), 1):
            play(client, flights, outcomes, now, place)
            if number % KEEP_EVERY == 1 or now == steps[-1]:
                write_json(path, asdict(place))
                service.keep_counters(service.counters_path(settings), client, now)
            if wanted.speed:
                time.sleep(STEP.total_seconds() / wanted.speed)
    print(f"replay    {summary(place)}; {time.perf_counter() - began:.1f} s")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The span, speed and drill; each can also come as an environment variable, which is how `make` hands it on."""
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    env = os.environ.get
    parser.add_argument("--from", dest="first", default=env("FROM", ""), help="first month or day; default: all")
    parser.add_argument("--to", dest="last", default=env("TO", ""), help="last month or day, included; default: all")
    parser.add_argument("--speed", type=float, default=float(env("SPEED") or 0), help="0 is as fast as it goes")
    parser.add_argument("--drill", default=env("DRILL", ""), help="a fault to practise")
    return parser.parse_args(words)


def span(live: pd.DataFrame, first: str, last: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First instant and end of the local months or days from `first` to `last`; empty means as far as `live` goes.

    Raises
    ------
    ValueError
        The period cannot be read, or no flight departs in it.
    """
    days = live[EVENT_TIME].dt.tz_convert(ZONE).dt.strftime("%F")
    start = pd.Period(first or days.min()).start_time.tz_localize(ZONE)
    end = (pd.Period(last or days.max()) + 1).start_time.tz_localize(ZONE)
    if not ((live[EVENT_TIME] >= start) & (live[EVENT_TIME] < end)).any():
        raise ValueError(f"no live {ROWS} from {start:%F} until {end:%F}: they run from {days.min()} to {days.max()}")
    return start.tz_convert("UTC"), end.tz_convert("UTC")


def check_log(settings: Settings, start: pd.Timestamp, end: pd.Timestamp) -> None:
    """Refuse a drill on days that were replayed before: a request answered once is not answered otherwise."""
    log = engine(settings.log_url)
    held = len(logged_predictions(log, since=timestamp(start), until=timestamp(end)))
    log.dispose()
    if held:
        sys.exit(
            f"the prediction log holds {held:,} predictions of this span already, and a drill needs a fresh log: stop "
            f"the server, move {settings.data_dir / '4_predictions'} away, and serve again"
        )


def traffic(live: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What happens in the span: flights in the order of their prediction moments, outcomes as they become known."""
    chosen = live[(live[EVENT_TIME] >= start) & (live[EVENT_TIME] < end)]
    flights = chosen[[KEY, *(column.name for column in INPUTS)]].assign(moment=chosen[EVENT_TIME] - LEAD)
    known = live[(live[OUTCOME_TIME] > start - LEAD) & (live[OUTCOME_TIME] <= end)]  # never the cancelled
    outcomes = known[[KEY, OUTCOME, OUTCOME_TIME]]
    return (
        flights.sort_values(["moment", KEY], ignore_index=True),
        outcomes.sort_values([OUTCOME_TIME, KEY], ignore_index=True),
    )


def practised(
    clean: tuple[pd.DataFrame, pd.DataFrame], drill: str, days: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """The traffic of some days under a drill; without one nothing is imported that tells of flights alone."""
    if not drill:
        return clean
    drills = importlib.import_module("extras.drills.faults")  # an extra: the core imports none by name

    if drill not in drills.DRILLS:
        raise SystemExit(f"expected one of {', '.join(drills.DRILLS)}, got DRILL={drill}")
    if days <= drills.CLEAN_DAYS:
        raise SystemExit(
            f"a drill's fault begins after {drills.CLEAN_DAYS} clean days: expected a longer span, got {days} days, "
            "say FROM=2013-11 TO=2013-12"
        )
    spoiled: tuple[pd.DataFrame, pd.DataFrame] = drills.applied(clean, drill, seed)
    return spoiled


def last_place(path: Path, fresh: Place) -> Place:
    """Where the same replay stopped, or its beginning."""
    try:
        kept = Place(**read_json(path, ""))
    except (FileNotFoundError, ValueError, TypeError):
        return fresh
    same = (kept.start, kept.end, kept.drill) == (fresh.start, fresh.end, fresh.drill)
    return kept if same else fresh


def play(client: httpx.Client, flights: pd.DataFrame, outcomes: pd.DataFrame, now: pd.Timestamp, place: Place) -> None:
    """Let one simulated hour happen: predictions first, then what became known by its end."""
    due = between(flights, "moment", now)
    alone = due.index % SINGLE_EVERY == 0
    predictions = Counter(place.predictions)
    for row in requests(due[alone]):
        predictions[sent(client, "/predict", row)] += 1
    predictions.update(sent_together(client, "/predict", "/predict/batch", ROWS, requests(due[~alone])))
    known = knowledge(between(outcomes, OUTCOME_TIME, now))
    received = Counter(place.outcomes) + sent_together(client, "/outcomes", "/outcomes", "outcomes", known)
    place.predictions, place.outcomes, place.now = dict(predictions), dict(received), str(now + STEP)


def between(rows: pd.DataFrame, moment: str, now: pd.Timestamp) -> pd.DataFrame:
    """Rows, sorted by a moment, whose moment lies in the hour that begins now."""
    first, last = rows[moment].searchsorted([now, now + STEP])
    return rows.iloc[first:last]


def requests(flights: pd.DataFrame) -> Rows:
    """Flights as request bodies: missing is null, times are ISO 8601 in UTC, the request id is the flight's own."""
    rows = flights.drop(columns="moment").rename(columns={KEY: "request_id"})
    times = [column.name for column in INPUTS if column.kind == "time"]
    return plain(rows.assign(**{name: rows[name].dt.strftime("%FT%TZ") for name in times}))


def knowledge(outcomes: pd.DataFrame) -> Rows:
    """Outcomes as the server takes them."""
    rows = outcomes.rename(columns={KEY: "request_id", OUTCOME_TIME: "known_at"})
    rows["known_at"] = rows["known_at"].dt.strftime("%FT%TZ")
    return plain(rows)


def plain(rows: pd.DataFrame) -> Rows:
    """Rows as JSON can hold them."""
    objects = rows.astype(object).where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in objects.to_dict("records")]


def sent_together(client: httpx.Client, one: str, many: str, name: str, rows: Rows) -> Counter[str]:
    """Send rows in batches; a batch that is refused is sent again row by row, so only what is wrong is refused."""
    statuses: Counter[str] = Counter()
    for batch in batches(rows):
        status = sent(client, many, {name: batch})
        if status == "200":
            statuses[status] += len(batch)
        else:
            statuses.update(sent(client, one, row if one != many else {name: [row]}) for row in batch)
    return statuses


def batches(rows: Rows) -> Iterator[Rows]:
    """Rows in lists that one request may carry."""
    for first in range(0, len(rows), LARGEST_BATCH):
        yield rows[first : first + LARGEST_BATCH]


def sent(client: httpx.Client, path: str, body: dict[str, Any]) -> str:
    """Post one request and return its status; a busy server is asked again after a pause.

    Raises
    ------
    ServerMissing
        Nobody answers, or the server stays unavailable.
    """
    for attempt in range(ATTEMPTS):
        try:
            response = client.post(path, json=body)
        except httpx.TransportError as error:
            raise ServerMissing(f"no server at {client.base_url} ({error}): run `make serve`, then go on") from error
        if response.status_code not in BUSY:
            return str(response.status_code)
        time.sleep(PAUSE_SECONDS * 2**attempt)
    raise ServerMissing(f"{client.base_url} is not ready: {response.text[:200]}")


def summary(place: Place) -> str:
    """What was sent, and how much of it was refused."""
    parts = []
    for name, statuses in (("predictions", place.predictions), ("outcomes", place.outcomes)):
        refused = {status: count for status, count in statuses.items() if status != "200"}
        words = ", ".join(f"{count:,} refused with {status}" for status, count in sorted(refused.items()))
        parts.append(f"{statuses.get('200', 0):,} {name}" + (f" ({words})" if words else ""))
    drill = f" under drill {place.drill}" if place.drill else ""
    return f"{place.start[:10]} to {place.end[:10]}{drill}: sent {' and '.join(parts)}"


def bar() -> Progress:
    """A progress bar that counts simulated hours."""
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


if __name__ == "__main__":
    main()
