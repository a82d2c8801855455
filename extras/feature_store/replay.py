"""Replay live days by key: what happened goes to `/events`, and each flight is asked for by its key.

Ticks are published on the way, and arrivals are the outcomes. The flights are those of `make replay`. What the store
has already is not sent again, so an interrupted replay continues, and a month follows another.
"""

import time
from collections.abc import Iterator

import httpx
import pandas as pd
from pydantic import Field

from extras.feature_store.delivery import LEAD, asked_flights, event_bodies, replay, require_server
from extras.feature_store.online import Materializer
from extras.feature_store.source import event_tables
from flights.artifacts import read_parquet
from flights.config import EnvironmentSettings
from flights.config import Settings as CoreSettings
from flights.dataset import KEY, ROWS
from flights.extras.feature_store import Settings as StoreSettings
from flights.extras.feature_views.views import LOOK_BACK_DAYS
from flights.files import LIVE_FILE
from flights.plugins import hooks
from monitoring.client import request_headers
from monitoring.traffic import period
from pipelines.collection.timetable import TABLES, source_folder
from serving.extras.by_key.store import FeatureStore

STEP = pd.Timedelta(minutes=30)  # between two deliveries
PER_DAY = 48  # deliveries


class Settings(EnvironmentSettings, env_ignore_empty=True):
    """What to replay."""

    first: str = Field("", validation_alias="FROM", description="First month or day; by default all.")
    last: str = Field("", validation_alias="TO", description="Last month or day, included.")


def main() -> None:
    """Replay the period that the environment names, and print what was sent."""
    args, core = Settings.read(), CoreSettings.read()
    live = read_parquet(core.splits_dir / LIVE_FILE, "run `make train`")
    start, end = period(live, args.first, args.last)
    folder = source_folder()
    events = event_tables({name: pd.read_csv(folder / file) for name, file in TABLES.items()})
    store = FeatureStore(StoreSettings.read().store_url(core.data_dir))
    sent_until = pd.Timestamp(60 * store.clock().complete_until, unit="s", tz="UTC")
    bodies = event_bodies(events, start - LEAD - pd.Timedelta(days=LOOK_BACK_DAYS))
    bodies = bodies[bodies["known_at"] > sent_until].reset_index(drop=True)
    flights = asked_flights(events, start, end)
    flights = flights[flights[KEY].isin(live[KEY]) & (flights["moment"] > sent_until - STEP)]
    began = time.perf_counter()
    url, headers = f"http://{core.host}:{core.port}", request_headers()
    with httpx.Client(base_url=url, timeout=60, trust_env=False, headers=headers) as client:
        require_server(client)
        moments = pd.date_range(start - LEAD, end, freq=STEP)
        sent = replay(client, Materializer(store), bodies, flights, observed(client, core, moments))
    print(
        f"replay    {start:%F} to {end:%F} by key: sent {sent['events']:,} events, asked for {sent['keys']:,} {ROWS}, "
        f"published {sent['ticks']:,} ticks; {time.perf_counter() - began:.1f} s"
    )


def observed(client: httpx.Client, settings: CoreSettings, moments: pd.DatetimeIndex) -> Iterator[pd.Timestamp]:
    """Moments; after each day the checks look at the service's counters, as in `make replay`."""
    for number, now in enumerate(moments, 1):
        yield now
        if number % PER_DAY == 1 or now == moments[-1]:
            for observe in hooks("monitoring.checks", "observe"):
                observe(client, now, settings.reports_dir)


if __name__ == "__main__":
    main()
