"""Load that remembers what it asked and what was acknowledged, and the comparison with the log after a fault."""

import http.client
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import sqlalchemy as sa

from flights.batch import Batch
from flights.log_reader import engine
from flights.predictions import Prediction
from flights.registry import Model
from flights.rows import as_columns
from tests.serving.published import random_flights

FLIGHTS = random_flights(50, seed=9)
EVERY = 10  # one request of this many asks for all FLIGHTS at once, without names
MADE = re.compile(r"[0-9a-f]{32}(-\d+)?")  # a name that the server made


@dataclass
class Ledger:
    """What clients asked, what they were told, and what else they saw."""

    asked: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)  # asked, each for all FLIGHTS
    told: dict[str, float] = field(default_factory=dict)  # request id: probability
    versions: dict[str, int] = field(default_factory=dict)  # request id: model version that the answer named
    failures: Counter[str] = field(default_factory=Counter)


class Load:
    """Clients that ask one flight after the other, each on its own connection, until they are stopped."""

    def __init__(self, url: str, clients: int, ledger: Ledger, name: str, pause: float = 0):
        self._address, self._ledger, self._name, self._pause = urlsplit(url).netloc, ledger, name, pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client,)) for client in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, client: int) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=10)
        number = 0
        while not self._stop.wait(self._pause):
            name = f"{self._name}-{client}-{number}"
            number += 1
            try:
                if number % EVERY:
                    self._ask_one(connection, name, FLIGHTS[number % len(FLIGHTS)])
                else:
                    self._ask_all(connection, name)
            except (OSError, http.client.HTTPException) as error:
                self._ledger.failures[type(error).__name__] += 1
                connection.close()
        connection.close()

    def _ask_one(self, connection: http.client.HTTPConnection, name: str, flight: dict) -> None:
        self._ledger.asked.add(name)
        self._note(connection, "/predict", flight | {"request_id": name})

    def _ask_all(self, connection: http.client.HTTPConnection, name: str) -> None:
        self._ledger.batches.add(name)
        self._note(connection, "/predict/batch", {"flights": FLIGHTS})

    def _note(self, connection: http.client.HTTPConnection, path: str, body: dict) -> None:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        for told in content.get("predictions", [content]) if answer.status == 200 else ():
            self._ledger.told[told["request_id"]] = told["probability"]
            self._ledger.versions[told["request_id"]] = told["model_version"]
        if answer.status != 200:
            self._ledger.failures[str(answer.status)] += 1


def logged_rows(log: Path | str, columns: str) -> list[tuple]:
    """Some columns of every logged prediction, of batches too, in SQLite's file or PostgreSQL's database."""
    opened = engine(f"sqlite:///{log}" if isinstance(log, Path) else log)
    with opened.connect() as connection:
        rows = [Prediction(*row) for row in connection.execute(sa.text("SELECT * FROM predictions"))]
        for batch in connection.execute(sa.text("SELECT * FROM batches")):
            rows += [Prediction(*row) for row in Batch(*batch).rows()]
    opened.dispose()
    return [tuple(getattr(row, name) for name in columns.split(", ")) for row in rows]


def logged_names(log: Path) -> set[str]:
    """The request ids that are in the log."""
    return {name for (name,) in logged_rows(log, "request_id")}


def broken_promises(ledger: Ledger, log: Path | str, models: list[Model]) -> list[str]:
    """Compare the log with what clients were told; every difference is a sentence."""
    logged = logged_rows(log, "request_id, probability, model_version, model_digest, inputs")
    kept = {row[0]: row for row in logged}
    broken = [f"{name}: acknowledged, not in the log" for name in ledger.told if name not in kept]
    made = [name for name in kept if MADE.fullmatch(name)]
    broken += [f"{name}: in the log, never asked" for name in kept.keys() - ledger.asked - set(made)]
    if len(made) % len(FLIGHTS) or len(made) > len(FLIGHTS) * len(ledger.batches):
        broken.append(f"{len(made)} rows of {len(ledger.batches)} batches of {len(FLIGHTS)}")
    if len(kept) < len(logged):
        broken.append(f"{len(logged) - len(kept)} rows are there twice")
    for name, probability in ledger.told.items():
        if name in kept and (kept[name][1], kept[name][2]) != (probability, ledger.versions[name]):
            broken.append(f"{name}: told {probability} by {ledger.versions[name]}, logged {kept[name][1:3]}")
    for model in models:
        ours = [row for row in logged if row[2] == model.version]
        if any(row[3] != model.digest for row in ours):
            broken.append(f"version {model.version}: a row has another digest")
        if ours:
            again = model.score(as_columns([json.loads(row[4]) for row in ours]))
            if np.abs(again - np.array([row[1] for row in ours])).max() > 1e-9:
                broken.append(f"version {model.version}: scoring the log again gives other probabilities")
    return broken
