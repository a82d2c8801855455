"""Drills of the feature store, on a copy of the data folder: the job that publishes ticks stops; a clock is off."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pandas as pd

from extras.feature_store.delivery import BATCH, LEAD, asked_flights, deliver, event_bodies, is_ready, posted
from extras.feature_store.online import Materializer
from extras.feature_store.source import event_tables
from flights.config import Settings
from flights.dataset import KEY, ZONE
from flights.log_reader import engine, logged_predictions
from monitoring.check import Check
from monitoring.checks.features import expired
from monitoring.client import request_headers
from monitoring.decide import decide
from monitoring.outcomes import local_day
from pipelines.collection.timetable import TABLES, source_folder
from serving.extras.by_key.store import FeatureStore

Report = tuple[str, str, str]  # damage, guard, way back
DAYS = "month == 11 and day in (11, 12)"  # of the source; the failure is on the second one
START_SECONDS = 60


class Replayed:
    """A service that predicts by key, and the events of two days."""

    def __init__(self, client: httpx.Client, store: FeatureStore):
        folder = source_folder()
        tables = {name: pd.read_csv(folder / file) for name, file in TABLES.items()}
        for name in ("flights", "weather"):
            tables[name] = tables[name].query(DAYS).reset_index(drop=True)
        self.client, self.materializer = client, Materializer(store)
        self.events = event_tables(tables)
        self.bodies = event_bodies(self.events, pd.Timestamp("2013-01-01T00:00Z"))
        self._sent = 0

    def send(self, hour: str, complete: str | None = None) -> int:
        """Send what is known by an hour, say until when it is complete, and return how many events came late."""
        until = int(self.bodies["known_at"].searchsorted(moment(hour), side="right"))
        some = self.bodies["body"].iloc[self._sent : until].tolist()
        self._sent = until
        late = 0
        for begin in range(0, len(some), BATCH):
            late += counted(posted(self.client, "/events", {"events": some[begin : begin + BATCH]}))
        deliver(self.client, [], moment(complete or hour))
        return late

    def publish(self) -> None:
        """Publish all complete ticks."""
        while self.materializer.step():
            pass

    def due(self, first: str, last: str) -> list[str]:
        """Keys of the flights whose prediction is due between two hours."""
        keys: list[str] = asked_flights(self.events, moment(first) + LEAD, moment(last) + LEAD)[KEY].tolist()
        return keys

    def ask(self, keys: list[str]) -> list[dict[str, Any]]:
        """The answers to some keys."""
        found: list[dict[str, Any]] = posted(self.client, "/predict/by-key/batch", {"keys": keys})["predictions"]
        return found


def materializer_stops(settings: Settings) -> Report:
    """The job that computes features from events stops for five hours."""
    with replayed(settings) as day:
        day.send("07:00")
        day.publish()
        day.send("12:00")
        fresh, old, lost = (day.due(*hours) for hours in (("07:00", "08:00"), ("08:05", "11:00"), ("11:05", "12:00")))
        expect(states(day.ask(fresh)) == {"found"}, "views of at most an hour ago to be found")
        answers = day.ask(old)
        expect(states(answers) == {"expired"}, "older views to be expired")
        refused = day.client.post("/predict/by-key", json={KEY: lost[0]})
        expect(refused.status_code == 503, f"503, got {refused.status_code}")
        expect("make materialize" in refused.text, "the name of the job that has stopped")
        check = expired_check(settings)
        fired = decide([check])
        expect(fired.action == "fix the feed", f"`fix the feed`, got {fired.action}")
        day.publish()
        again = day.ask(old)
        expect(states([*again, *day.ask(lost)]) == {"found"}, "every view to be found again")
    before, after = (np.array([each["probability"] for each in some]) for some in (again, answers))
    return (
        f"{len(old)} flights are predicted without weather, network and aircraft: single probabilities move by up to "
        f"{np.abs(after - before).max():.2f}, the mean from {before.mean():.3f} to {after.mean():.3f}; "
        f"{len(lost)} more get no prediction.",
        f"The responses call {len(answers[0]['views']) - 1} of {len(answers[0]['views'])} views expired; after four "
        f"hours 503 names `make materialize`; the monitor says `{fired.action}`: {fired.reasons[0]}.",
        f"The job catches up: {len(again) + len(lost)} flights get the inputs of their own tick.",
    )


def clock_skew(settings: Settings) -> Report:
    """The sender's clock is an hour ahead, or behind, or it calls events complete before it has sent them."""
    with replayed(settings) as day:
        day.send("07:00")
        day.publish()
        ahead = datetime.now(UTC) + timedelta(hours=1)
        event = day.bodies["body"].iloc[0] | {"known_at": f"{ahead:%Y-%m-%dT%H:%M:%SZ}"}
        for body, field in (
            ({"events": [event]}, "events[0].known_at"),
            ({"events": [], "complete_until": event["known_at"]}, "complete_until"),
        ):
            refused = day.client.post("/events", json=body)
            named = [each["field"] for each in refused.json().get("errors", [])]
            expect((refused.status_code, named) == (422, [field]), f"422 for {field}, got {refused.text[:200]}")
        day.send("08:00", complete="07:30")
        day.publish()
        behind = day.ask(day.due("07:35", "08:00"))
        ages = [each["views"]["weather"]["age_minutes"] for each in behind]
        expect(min(ages) > 0, "the age of the views")
        deliver(day.client, [], moment("09:00"))
        day.publish()
        late = day.send("09:00")
        expect(late > 0, "late events in the receipt")
        expect(day.send("10:00") == 0, "no late events after the clock is right again")
        day.publish()
        expect(states(day.ask(day.due("09:30", "10:00"))) == {"found"}, "every view to be found")
    return (
        f"{late} events of an hour that was called complete too early count an hour late. A clock that is 30 minutes "
        f"behind leaves {len(behind)} flights with views up to {max(ages)} minutes old.",
        f"A time in the future is rejected with 422, by its field, in 2 of 2 requests; the receipt counts {late} late "
        "events; each response states the age of its views. No closed tick changes.",
        "The clock is set: 0 events of the next hour are late, and every view is found.",
    )


@contextmanager
def replayed(settings: Settings) -> Iterator[Replayed]:
    """A service on the copy, as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"DATA_DIR": str(settings.data_dir), "HOST": "127.0.0.1", "PORT": str(port), "PREDICT_BY_KEY": "1"}
    own |= {"PREDICTIONS_URL": "", "FEATURES_URL": ""}
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.app"], env=os.environ | own, stdout=nowhere, stderr=nowhere
    )
    address = f"http://127.0.0.1:{port}"
    store = FeatureStore(f"sqlite:///{settings.data_dir}/4_predictions/features.db")
    try:
        with httpx.Client(base_url=address, timeout=60, trust_env=False, headers=request_headers()) as client:
            wait_until_ready(client)
            yield Replayed(client, store)
    finally:
        store.close()
        process.terminate()
        process.wait(START_SECONDS)


def wait_until_ready(client: httpx.Client) -> None:
    """Wait until the service can predict.

    Raises
    ------
    TimeoutError
        It cannot.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if is_ready(client):
            return
        time.sleep(0.1)
    raise TimeoutError("the service is not ready")


def expired_check(settings: Settings) -> Check:
    """The monitor's check of the copy's log."""
    log = engine(settings.log_url)
    rows = logged_predictions(log)
    log.dispose()
    return expired(rows.assign(day=local_day(rows["event_time"])))


def counted(receipt: dict[str, Any]) -> int:
    """How many events came late."""
    return int(receipt["late"])


def moment(hour: str) -> pd.Timestamp:
    """An hour of the second day, on the operation's clock."""
    return pd.Timestamp(f"2013-11-12 {hour}").tz_localize(ZONE).tz_convert("UTC")


def states(answers: list[dict[str, Any]]) -> set[str]:
    """What became of the views, but for the timetable's, which lasts longer."""
    return {view["state"] for each in answers for name, view in each["views"].items() if name != "timetable"}


def expect(happened: bool, what: str) -> None:
    """Fail the drill if a guard did not act.

    Raises
    ------
    AssertionError
        It did not.
    """
    if not happened:
        raise AssertionError(f"expected {what}")
