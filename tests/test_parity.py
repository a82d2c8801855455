"""One feature function: a row over HTTP gets the probability that the batch pipeline gives it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from flights import registry
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import INPUTS, ROWS
from flights.features import CATEGORIES, FEATURES
from tests.patterns import matching
from tests.serving.running import running

BATCH = 1000
NUMBERS = {column.name for column in INPUTS if column.kind == "number"}
NUMBER = next(name for name in FEATURES if isinstance(name, str) and name in NUMBERS)
SINGLES = 300
OPEN = next((column for column in INPUTS if column.pattern and column.name in CATEGORIES), None)


@pytest.fixture(scope="module")
def client(trained: Path) -> Iterator[httpx.Client]:
    """A client of a server with the trained champion."""
    with running(trained) as server:
        server.wait()
        with httpx.Client(base_url=server.url, timeout=60) as opened:
            yield opened


@pytest.fixture(scope="module")
def rows(trained: Path) -> pd.DataFrame:
    """Rows of the holdout, a few with an unseen category or with everything missing that may be."""
    holdout = read_parquet(Settings(data_dir=trained).splits_dir / "holdout.parquet", "")
    chosen = holdout[[column.name for column in INPUTS]].reset_index(drop=True)
    if OPEN is not None:
        chosen.loc[:20, OPEN.name] = [matching(np.random.default_rng(row), OPEN.pattern) for row in range(21)]
    for column in INPUTS:
        if column.nullable:
            chosen.loc[10:30, column.name] = None
    return chosen


@pytest.fixture(scope="module")
def expected(trained: Path, rows: pd.DataFrame) -> Any:
    """What the batch pipeline says."""
    models_dir = Settings(data_dir=trained).models_dir
    champion = registry.champion(models_dir)
    assert champion is not None
    return registry.load(models_dir, champion).score(as_arrays(rows))


def bodies(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as requests: missing is null, times are text."""
    times = [column.name for column in INPUTS if column.kind == "time"]
    text = {name: [None if pd.isna(moment) else moment.isoformat() for moment in rows[name]] for name in times}
    frame = rows.assign(**text).astype(object)
    return frame.where(frame.notna(), None).to_dict("records")


@pytest.mark.ml_test_score("D7")
def test_batches_over_http_give_the_same(client: httpx.Client, rows: pd.DataFrame, expected):
    """Every row of the holdout, to 1e-9."""
    answers = []
    for first in range(0, len(rows), BATCH):
        flights = bodies(rows[first : first + BATCH])
        answers += client.post("/predict/batch", json={ROWS: flights}).raise_for_status().json()["predictions"]
    ours = np.array([answer["probability"] for answer in answers])
    assert np.abs(ours - expected).max() <= 1e-9


def test_single_rows_over_http_give_the_batch_pipelines_probabilities(
    client: httpx.Client, rows: pd.DataFrame, expected
):
    """The rows with missing values and unseen categories among them, to 1e-9."""
    answers = [client.post("/predict", json=body).raise_for_status().json() for body in bodies(rows[:SINGLES])]
    ours = np.array([answer["probability"] for answer in answers])
    assert np.abs(ours - expected[:SINGLES]).max() <= 1e-9


@pytest.mark.ml_test_score("D7", injects="one input differs by its standard deviation in every row")
def test_parity_would_notice_one_changed_value(rows: pd.DataFrame, expected, trained: Path):
    """Planted: one input differs by its standard deviation in every row. Some probability moves."""
    models_dir = Settings(data_dir=trained).models_dir
    changed = rows.assign(**{NUMBER: rows[NUMBER] + rows[NUMBER].std()})
    champion = registry.champion(models_dir)
    assert champion is not None
    moved = registry.load(models_dir, champion).score(as_arrays(changed))
    assert np.abs(moved - expected).max() > 1e-6
