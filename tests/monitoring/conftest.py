"""What the monitor's tests share: rows around the first live day, and a prediction log of the live months.

Most need rows of any data; `autumn` is real flights.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flights.artifacts import read_parquet
from flights.config import AS_OF, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, INPUTS, OUTCOME, ZONE, outcome_hours
from flights.log_reader import engine
from flights.predictions import Outcome, Prediction, add
from flights.registry import champion, load
from monitoring.outcomes import local_day
from monitoring.traffic import Traffic, outcome_bodies, period, request_bodies, traffic
from monitoring.view import ServingModel, View
from tests.declared import NUMBER, outcome_of

Logged = Callable[..., Path]


@pytest.fixture(scope="session")
def autumn(collected: Path) -> pd.DataFrame:
    """Every fourth real flight of September to November, with its local day and a stand-in for a probability."""
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    rows = rows[(rows[EVENT_TIME] >= "2013-09-02") & (rows[EVENT_TIME] < "2013-12-02")]
    rows = rows.sort_values(EVENT_TIME)[::4].reset_index(drop=True)
    backlog = rows["backlog_origin"].fillna(0.0)
    return rows.assign(day=local_day(rows[EVENT_TIME]), probability=0.05 + 0.9 * backlog / (backlog + 20))


def day(number: int) -> str:
    """A live day, counted from 1."""
    return f"{pd.Timestamp(AS_OF) + pd.Timedelta(days=number - 1):%F}"


def midnight(number: int) -> str:
    """The beginning of a live day, as the log writes moments in UTC."""
    return f"{pd.Timestamp(day(number), tz=ZONE).tz_convert('UTC'):%FT%T}"


@pytest.fixture(scope="session")
def live(collected: Path) -> pd.DataFrame:
    """Rows of the first live month, and of one day more."""
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    days = local_day(rows[EVENT_TIME])
    return rows[(days >= day(1)) & (days <= day(31))].reset_index(drop=True)


@pytest.fixture(scope="session")
def months(collected: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two months to compare with and the first live one, with their local days and a stand-in for a probability."""
    rows = read_parquet(collected / "1_raw" / "valid.parquet", "")
    rows = rows.assign(day=local_day(rows[EVENT_TIME]), probability=0.05 + 0.9 * rows[NUMBER.name].rank(pct=True))
    before = f"{pd.Timestamp(AS_OF) - pd.DateOffset(months=2):%F}"
    parts = (rows[(rows["day"] >= first) & (rows["day"] < end)] for first, end in ((before, day(1)), (day(1), day(31))))
    reference, live = (part.reset_index(drop=True) for part in parts)
    return reference, live


@pytest.fixture
def logged(a_copy: Path) -> Logged:
    """Write what a replay of some live days would leave in the log, without HTTP; `plant` may change the traffic."""

    def write(
        first: str = day(1), last: str = day(30), plant: Callable[[Traffic], Traffic] = lambda clean: clean
    ) -> Path:
        settings = Settings()
        live = read_parquet(settings.splits_dir / "live.parquet", "")
        start, end = period(live, first, last)
        flights, outcomes = plant(traffic(live, start, end))
        version = champion(settings.models_dir)
        assert version is not None
        model = load(settings.models_dir, version)
        for column in INPUTS:
            if column.categories:  # the server rejects the others
                flights = flights[flights[column.name].isin(column.categories)]
        probabilities = model.score(as_arrays(flights))
        log = engine(settings.log_url)
        add(log, predictions(flights, probabilities, model.threshold, version, model.digest))
        add(log, arrived(outcomes))
        log.dispose()
        return a_copy

    return write


def predictions(
    flights: pd.DataFrame, probabilities: np.ndarray, threshold: float, version: int, digest: str
) -> list[Prediction]:
    """Flights as the server logs them."""
    rows = []
    for row, probability in zip(request_bodies(flights), probabilities, strict=True):
        name = row.pop("request_id")
        time = row[EVENT_TIME].replace("Z", ".000000Z")
        answer = (float(probability), bool(probability >= threshold), threshold, version, digest)
        rows.append(Prediction(name, "2026-01-01T00:00:00.000000Z", time, json.dumps(row), *answer, latency_us=900))
    return rows


def arrived(outcomes: pd.DataFrame) -> list[Outcome]:
    """Outcomes as the server logs them."""
    return [
        Outcome(row["request_id"], row["known_at"], row[OUTCOME], f"2026-01-01T00:00:00.{place:06}Z")
        for place, row in enumerate(outcome_bodies(outcomes))
    ]


def view_of(
    rows: pd.DataFrame,
    reference: pd.DataFrame | None = None,
    inputs: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
    now: pd.Timestamp | None = None,
) -> View:
    """What a check looks at, from the frames that it needs; by default a month after the last row."""
    nothing = rows.head(0)
    model = ServingModel(1, {}, {}, [], nothing if reference is None else reference)
    now = now or pd.Timestamp("2014-01-31T12:00Z")
    return View(
        Settings(), model, now, rows, rows if inputs is None else inputs, nothing if outcomes is None else outcomes
    )


def judged(days: int = 40, rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Predictions of a perfectly calibrated model, as the log gives them back, with outcomes when they are due."""
    random = np.random.default_rng(seed)
    count = days * rows
    event_time = pd.date_range("2013-11-01T10:00Z", periods=days).repeat(rows) + pd.to_timedelta(
        np.tile(np.linspace(0, 12, rows), days), unit="h"
    )
    probability = random.beta(1, 3, count)
    positive = random.random(count) < probability
    inputs = {column.name: column.example for column in INPUTS if not column.categories}
    log = pd.DataFrame(inputs, index=range(count)).assign(
        **{EVENT_TIME: event_time, OUTCOME: np.where(positive, outcome_of(1), outcome_of(0))},
        request_id=[f"row-{number}" for number in range(count)],
        event_time=event_time,
        probability=probability,
        threshold=0.3,
        model_version=1,
        served_by="champion",
        latency_us=900,
    )
    return log.assign(known_at=log["event_time"] + pd.to_timedelta(outcome_hours(log), unit="h"))
