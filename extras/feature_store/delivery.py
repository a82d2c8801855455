"""Delivery: what a source of events and a client that predicts by key do, at the moments that are given.

At each moment the events that are known by then are sent, the ticks are published, and the flights are asked for whose
prediction moment has come.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx
import pandas as pd

from extras.feature_store.online import Materializer
from flights.dataset import KEY, PREDICTION_LEAD_HOURS
from monitoring.client import ATTEMPTS, BUSY, PAUSE_SECONDS

BATCH = 1000  # events or keys in one request
LEAD = pd.Timedelta(hours=PREDICTION_LEAD_HOURS)

Tables = Mapping[str, pd.DataFrame]


def require_server(client: httpx.Client) -> None:
    """Exit with one sentence unless a service answers that predicts by key."""
    advice = "run `PREDICT_BY_KEY=1 make serve`, with the same PORT"
    try:
        status = client.get("/events").status_code  # 405 where it can be posted to
    except httpx.TransportError as error:
        sys.exit(f"no server at {client.base_url} ({error}): {advice}")
    if status == 404:
        sys.exit(f"the server at {client.base_url} does not predict by key: {advice}")


def is_ready(client: httpx.Client) -> bool:
    """Whether the service can predict."""
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def replay(
    client: httpx.Client,
    materializer: Materializer,
    bodies: pd.DataFrame,
    flights: pd.DataFrame,
    moments: Iterable[pd.Timestamp],
) -> Counter[str]:
    """Deliver what `event_bodies` and `asked_flights` give, at each moment what is new since the one before."""
    sent: Counter[str] = Counter()
    before = 0
    waiting = flights.sort_values("moment", kind="stable")
    for now in moments:
        until = int(bodies["known_at"].searchsorted(now, side="right"))
        deliver(client, bodies["body"].iloc[before:until].tolist(), now)
        while done := materializer.step():
            sent["ticks"] += done
        due = waiting.loc[waiting["moment"] <= now, KEY].tolist()
        for begin in range(0, len(due), BATCH):
            posted(client, "/predict/by-key/batch", {"keys": due[begin : begin + BATCH]})
        sent["events"] += until - before
        sent["keys"] += len(due)
        before, waiting = until, waiting.iloc[len(due) :]
    return sent


def deliver(client: httpx.Client, events: list[dict[str, Any]], now: pd.Timestamp) -> None:
    """Send events, and say that they are complete until now."""
    for begin in range(0, max(len(events), 1), BATCH):
        body: dict[str, Any] = {"events": events[begin : begin + BATCH]}
        if begin + BATCH >= len(events):
            body["complete_until"] = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        posted(client, "/events", body)


def posted(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request; a busy server is asked again after a pause.

    Raises
    ------
    RuntimeError
        It was not answered.
    """
    response = client.post(path, json=body)
    for attempt in range(ATTEMPTS - 1):
        if response.status_code not in BUSY:
            break
        time.sleep(PAUSE_SECONDS * 2**attempt)
        response = client.post(path, json=body)
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status_code}: {response.text[:300]}")
    answer: dict[str, Any] = response.json()
    return answer


def asked_flights(events: Tables, first: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Key and prediction moment of the flights that are planned in a period."""
    timetable = events["timetable"]
    chosen = timetable[(timetable["event_time"] >= first) & (timetable["event_time"] < end)]
    return pd.DataFrame({KEY: chosen[KEY], "moment": chosen["event_time"] - LEAD})


def event_bodies(events: Tables, since: pd.Timestamp) -> pd.DataFrame:
    """What is sent to `/events`, by the moment at which it became known; a register from before counts too."""
    parts = []
    for kind, table in events.items():
        recent = table if kind == "aircraft" else table[table["event_time"] >= since]
        parts.append(pd.DataFrame({"known_at": recent["known_at"], "body": list(bodies_of(kind, recent))}))
    return pd.concat(parts).sort_values("known_at", kind="stable", ignore_index=True)


def bodies_of(kind: str, table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Events of one kind as request bodies: missing is null, and times are ISO 8601 in UTC."""
    times = {name: table[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ") for name in ("event_time", "known_at")}
    objects = table.assign(**times).astype(object)
    for row in objects.where(objects.notna(), None).to_dict("records"):
        yield {"kind": kind} | {str(name): value for name, value in row.items()}
