"""Parity: replay days through `/events`, ticks and `/predict/by-key`, and compare all inputs with the offline table.

The server has to run with PREDICT_BY_KEY=1. The offline table is computed by the same functions from all events at
once, at the same ticks. Every input has the same bits, and every probability is the model's for these inputs.
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pandas as pd
from pydantic import Field

from extras.feature_store.delivery import LEAD, Tables, asked_flights, event_bodies, replay, require_server
from extras.feature_store.online import Materializer
from extras.feature_store.source import event_tables
from flights.columns import Columns
from flights.config import EnvironmentSettings
from flights.config import Settings as CoreSettings
from flights.dataset import EVENT_TIME, INPUTS, KEY, ROWS, ZONE
from flights.extras.feature_store import Settings as StoreSettings
from flights.extras.feature_views.events import inputs_of
from flights.extras.feature_views.views import LOOK_BACK_DAYS
from flights.log_reader import engine, logged_predictions, parsed
from flights.registry import champion, load
from flights.rows import as_columns
from monitoring.client import request_headers
from pipelines.collection.timetable import TABLES, source_folder
from serving.extras.by_key.store import FeatureStore

ROUNDING = 1e-15  # onnxruntime rounds the last bit by a row's place in its batch: 2.2e-16 on equal inputs


class Settings(EnvironmentSettings, env_ignore_empty=True):
    """Which days, and how often events are sent."""

    first: str = Field("2013-11-01", validation_alias="FROM", description="First day.")
    last: str = Field("2013-11-01", validation_alias="TO", description="Last day, included.")
    step_minutes: int = Field(30, description="Simulated minutes between two deliveries of events.", gt=0)


@dataclass
class Parity:
    """What was compared, and what differed."""

    rows: int
    missing: int  # flights without a logged prediction
    columns: dict[str, int]  # differing values by input
    probabilities: int

    @property
    def differences(self) -> int:
        """Everything that is not the same bits."""
        return self.missing + sum(self.columns.values()) + self.probabilities


def main() -> None:
    """Replay, compare, and exit with 1 if a bit differs."""
    settings, core = Settings.read(), CoreSettings.read()
    folder = source_folder()
    events = event_tables({name: pd.read_csv(folder / file) for name, file in TABLES.items()})
    first = pd.Timestamp(settings.first).tz_localize(ZONE).tz_convert("UTC")
    end = (pd.Timestamp(settings.last) + pd.Timedelta(days=1)).tz_localize(ZONE).tz_convert("UTC")
    store = FeatureStore(StoreSettings.read().store_url(core.data_dir))
    start = time.perf_counter()
    url, headers = f"http://{core.host}:{core.port}", request_headers()
    with httpx.Client(base_url=url, timeout=60, trust_env=False, headers=headers) as client:
        require_server(client)
        sent = replayed(client, store, events, first, end, pd.Timedelta(minutes=settings.step_minutes))
    found = compared(core, events, first, end)
    rate = (end - first).total_seconds() / (time.perf_counter() - start)
    print(f"parity    {sent['events']:,} events, {sent['ticks']:,} ticks, {rate:,.0f} times real time")
    print(f"parity    {found.rows:,} {ROWS}, {len(found.columns)} inputs each: {found.differences} differences")
    for name, count in found.columns.items():
        if count:
            print(f"  {name}: {count:,} values differ")
    if found.missing or found.probabilities:
        print(f"  without a prediction: {found.missing:,}; other probabilities: {found.probabilities:,}")
    sys.exit(bool(found.differences))


def replayed(
    client: httpx.Client,
    store: FeatureStore,
    events: Tables,
    first: pd.Timestamp,
    end: pd.Timestamp,
    step: pd.Timedelta,
) -> Counter[str]:
    """Send the events of a period as they became known, and ask for each of its flights when its moment has come."""
    bodies = event_bodies(events, first - LEAD - pd.Timedelta(days=LOOK_BACK_DAYS))
    moments = list(pd.date_range(first - LEAD, end - LEAD, freq=step))
    moments += [end - LEAD] if moments[-1] < end - LEAD else []
    return replay(client, Materializer(store), bodies, asked_flights(events, first, end), moments)


def compared(settings: CoreSettings, events: Tables, first: pd.Timestamp, end: pd.Timestamp) -> Parity:
    """The logged inputs and probabilities of a period next to the offline table at the same ticks."""
    offline = offline_table(events, asked_flights(events, first, end)[KEY])
    log = engine(settings.log_url)
    logged = logged_predictions(log, inputs=True, since=f"{first:%FT%T}", until=f"{end:%FT%T}")
    log.dispose()
    by_key = logged[logged["request_id"].str.contains(":")]
    by_key = by_key.set_index(by_key["request_id"].str.partition(":")[0])
    both = [key for key in offline[KEY].tolist() if key in by_key.index]
    online = by_key.loc[both]
    place = pd.Index(offline[KEY]).get_indexer(pd.Index(both))
    expected = {name: values[place] for name, values in offline.items()}
    found = as_columns([unzoned(parsed(text)) for text in online["inputs"]])
    version = champion(settings.models_dir)
    assert version is not None  # noqa: S101 - it has just answered
    again = load(settings.models_dir, version).score(expected)
    different = int((np.abs(again - online["probability"].to_numpy(np.float64)) > ROUNDING).sum())
    columns = {
        column.name: differing(expected[column.name], found[column.name]) for column in INPUTS if not column.personal
    }
    return Parity(len(offline[KEY]), len(offline[KEY]) - len(both), columns, different)


def unzoned(row: dict[str, Any]) -> dict[str, Any]:
    """A logged row whose time has no zone, as NumPy takes it."""
    return row | {EVENT_TIME: row[EVENT_TIME].removesuffix("Z")}


def offline_table(events: Tables, keys: "pd.Series[str]") -> Columns:
    """All inputs of some flights at their ticks, from all events at once: what `collect` computes."""
    timetable = events["timetable"].set_index(KEY)["event_time"]
    asked = inputs_of(events, keys, timetable.loc[keys])
    return asked | {name: asked[name].astype(np.int64) for name in integers()}


def integers() -> list[str]:
    """Names of the inputs that are whole numbers."""
    return [column.name for column in INPUTS if column.kind == "integer"]


def differing(left: Any, right: Any) -> int:
    """Number of values that have other bits; missing equals missing."""
    if left.dtype.kind == "f":
        left, right = (np.where(np.isnan(each), -1, each.view(np.int64)) for each in (left, right))
    return int((left != right).sum())


if __name__ == "__main__":
    main()
