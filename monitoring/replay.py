"""Send past flights as live traffic, over HTTP, and their outcomes when they would have been known.

A simulated clock runs over the period hour by hour. Each hour sends the flights whose prediction moment has come, then
the outcomes that have become known; cancelled flights never get one. The log takes a request ID once and the replay
keeps its state, so an interrupted replay continues where it stopped and nothing counts twice.
"""

import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import pandas as pd
from pydantic import Field
from rich.progress import track

from flights.artifacts import read_json, read_parquet, write_json
from flights.config import EnvironmentSettings, Settings
from flights.dataset import OUTCOME_TIME, ROWS
from flights.files import LIVE_FILE
from flights.log_reader import count, engine
from flights.plugins import hooks
from flights.predictions import timestamp
from monitoring.client import post, post_batches, request_headers
from monitoring.outcomes import LEAD
from monitoring.traffic import Traffic, outcome_bodies, period, request_bodies, traffic, with_drill

STEP = pd.Timedelta(hours=1)
SINGLE_EVERY = 10  # one flight in ten is sent alone, the others in batches
SAVE_EVERY = 24  # simulated hours between two writes of the state


class Replay(EnvironmentSettings, env_ignore_empty=True):
    """What to replay, and how fast."""

    first: str = Field("", validation_alias="FROM", description="First month or day; by default all.")
    last: str = Field("", validation_alias="TO", description="Last month or day, included.")
    speed: float = Field(0.0, description="Times real time; 0 is unlimited.", ge=0)
    drill: str = Field("", description="A failure to plant.")


@dataclass
class ReplayState:
    """How far a replay has come, and how many requests were answered with each status."""

    start: str
    end: str
    drill: str
    now: str
    predictions: dict[str, int]
    outcomes: dict[str, int]


def main() -> None:
    """Replay the period that the environment names, and print what the server answered."""
    settings, args = Settings.read(), Replay.read()
    live = read_parquet(settings.splits_dir / LIVE_FILE, "run `make train`")
    start, end = period(live, args.first, args.last)
    sent = with_drill(traffic(live, start, end), args.drill, (end - start).days, settings.seed)
    path = settings.data_dir / "4_predictions" / "replay.json"
    state = saved_state(path, ReplayState(str(start), str(end), args.drill, str(start - LEAD), {}, {}))
    if state.predictions:
        print(f"replay    continues from {state.now}; to start over, delete {path}")
    elif args.drill:
        check_log(settings, start, end)
    began = time.perf_counter()
    url, headers = f"http://{settings.host}:{settings.port}", request_headers()
    with httpx.Client(base_url=url, timeout=60, trust_env=False, headers=headers) as client:
        steps = pd.date_range(state.now, end, freq=STEP)
        for number, now in enumerate(track(steps, "replay"), 1):
            replay_hour(client, sent, now, state)
            if number % SAVE_EVERY == 1 or now == steps[-1]:
                write_json(path, asdict(state))
                for observe in hooks("monitoring.checks", "observe"):
                    observe(client, now, settings.reports_dir)
            if args.speed:
                time.sleep(STEP.total_seconds() / args.speed)
    print(f"replay    {summary(state)}; {time.perf_counter() - began:.1f} s")


def check_log(settings: Settings, start: pd.Timestamp, end: pd.Timestamp) -> None:
    """Stop a drill on days that were replayed before: their answers are in the log already."""
    log = engine(settings.log_url)
    held = count(log, timestamp(start), timestamp(end))
    log.dispose()
    if held:
        sys.exit(
            f"the prediction log holds {held:,} predictions of this period, and a drill needs a fresh log: stop the "
            f"server, move {settings.data_dir / '4_predictions'} away, and run `make serve` again"
        )


def saved_state(path: Path, fresh: ReplayState) -> ReplayState:
    """Where the same replay stopped, or its beginning."""
    try:
        kept = ReplayState(**read_json(path, ""))
    except (FileNotFoundError, ValueError, TypeError):
        return fresh
    same = (kept.start, kept.end, kept.drill) == (fresh.start, fresh.end, fresh.drill)
    return kept if same else fresh


def replay_hour(client: httpx.Client, sent: Traffic, now: pd.Timestamp, state: ReplayState) -> None:
    """Send one simulated hour: predictions first, then the outcomes that became known by its end."""
    flights, outcomes = in_hour(sent[0], "moment", now), in_hour(sent[1], OUTCOME_TIME, now)
    single = flights.index % SINGLE_EVERY == 0
    predictions = Counter(state.predictions)
    predictions.update(post(client, "/predict", body) for body in request_bodies(flights[single]))
    predictions.update(post_batches(client, "/predict", "/predict/batch", ROWS, request_bodies(flights[~single])))
    received = Counter(state.outcomes)
    received.update(post_batches(client, "/outcomes", "/outcomes", "outcomes", outcome_bodies(outcomes)))
    state.predictions, state.outcomes, state.now = dict(predictions), dict(received), str(now + STEP)


def in_hour(rows: pd.DataFrame, moment: str, now: pd.Timestamp) -> pd.DataFrame:
    """Rows, sorted by a moment, whose moment is in the hour that begins now."""
    first, last = rows[moment].searchsorted([now, now + STEP])
    return rows.iloc[first:last]


def summary(state: ReplayState) -> str:
    """What was sent, and how much of it was rejected."""
    parts = []
    for name, statuses in (("predictions", state.predictions), ("outcomes", state.outcomes)):
        rejected = [
            f"{count:,} rejected with {status}" for status, count in sorted(statuses.items()) if status != "200"
        ]
        parts.append(f"{statuses.get('200', 0):,} {name}" + (f" ({', '.join(rejected)})" if rejected else ""))
    drill = f" under drill {state.drill}" if state.drill else ""
    return f"{state.start[:10]} to {state.end[:10]}{drill}: sent {' and '.join(parts)}"


if __name__ == "__main__":
    main()
