"""What `make bench-serve` asks by key: many flights of one moment, each of them once at a tick, as a prediction is."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, product
from pathlib import Path

from flights.dataset import CARRIERS, EVENT_TIME, KEY, ORIGINS, PREDICTION_LEAD_HOURS
from flights.extras.feature_store.tables import Event, Value, entity_name
from flights.extras.feature_views.views import VIEWS
from serving.extras.by_key.lookup import minute
from serving.extras.by_key.store import FeatureStore
from serving.request import example

DEPARTURE = datetime(2013, 11, 2, 2, tzinfo=UTC)  # of every flight
DUE = minute(DEPARTURE) - 60 * PREDICTION_LEAD_HOURS
OLDEST = min(view.max_age_minutes for view in VIEWS) - 1  # minutes before the moment: the first tick
DESTINATIONS = 100
BATCH = 100  # keys in one request
KNOWN = "2013-11-01T00:00:00.000000Z"


class KeyLoad:
    """A filled store, whose next tick can be published, and the bodies of requests."""

    variables = {"PREDICT_BY_KEY": "1", "FEATURES_URL": ""}  # noqa: RUF012 - of the service
    constant = ("-m", "extras.feature_store.constant", "PORT")

    def __init__(self, data_dir: Path, keys: int):
        self._store = FeatureStore(f"sqlite:///{data_dir}/4_predictions/features.db")
        self._tick = DUE - OLDEST
        flights = list(islice(flights_of_a_day(), keys))
        self.keys = [str(flight[KEY]) for flight in flights]
        values: dict[tuple[str, str], Value] = {}
        for flight in flights:
            for view in VIEWS:
                name = view.name, entity_name(tuple(flight[each] for each in view.entity))
                if name not in values:
                    content = json.dumps([flight[each] for each in view.columns], separators=(",", ":"))
                    values[name] = Value(*name, self._tick, content)
        self._shared = [value for value in values.values() if value.view_name in shared_views()]
        self._store.add([planned(flight) for flight in flights], complete_until=DUE)
        self._store.publish(0, self._tick, list(values.values()))

    def next_tick(self) -> None:
        """Publish another tick, with new values of the views that flights share: each key is a new prediction again."""
        before, self._tick = self._tick, self._tick + 1
        self._store.publish(before, self._tick, [value._replace(tick=self._tick) for value in self._shared])

    def bodies(self) -> dict[str, list[bytes]]:
        """The path of one flight and of many, each with the bodies of its requests."""
        starts = range(0, len(self.keys) - BATCH + 1, BATCH)
        return {
            "/predict/by-key": [json.dumps({KEY: key}).encode() for key in self.keys],
            "/predict/by-key/batch": [
                json.dumps({"keys": self.keys[start : start + BATCH]}).encode() for start in starts
            ],
        }


def flights_of_a_day() -> Iterator[dict[str, object]]:
    """Inputs and key of flights that differ in carrier, number, origin and destination."""
    usual = example() | {EVENT_TIME: f"{DEPARTURE:%Y-%m-%dT%H:%M:%SZ}"}
    for number, carrier, origin in product(range(1, 10_000), CARRIERS, ORIGINS):
        place = number % DESTINATIONS
        dest = f"Q{chr(65 + place // 26)}{chr(65 + place % 26)}"
        named = {"carrier": carrier, "flight": number, "origin": origin, "dest": dest}
        yield usual | named | {KEY: f"2013-11-01-{carrier}-{number}-{origin}"}


def shared_views() -> set[str]:
    """Names of the views whose values many flights share."""
    return {view.name for view in VIEWS if KEY not in view.entity and "flight" not in view.entity}


def planned(flight: dict[str, object]) -> Event:
    """The timetable's event of a flight."""
    names = (KEY, "carrier", "flight", "origin", "dest", "scheduled_minutes", "distance", "tailnum")
    content = json.dumps({name: flight[name] for name in names}, separators=(",", ":"))
    happened, counted = minute(DEPARTURE), DUE - 1440
    return Event("timetable", str(flight[KEY]), KNOWN, f"{DEPARTURE:%FT%T}.000000Z", content, happened, counted, KNOWN)
