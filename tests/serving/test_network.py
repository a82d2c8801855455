"""A network is served by the one runtime that the service has."""

import time
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from flights import model, portable, registry
from flights.dataset import ROWS, targets
from flights.feature_set import build_features
from flights.rows import as_columns
from pipelines.rows import features_of
from tests.contract_rows import contract_rows
from tests.serving.published import naive, publish_champion, publish_fitted, random_flights
from tests.serving.running import running

pytestmark = pytest.mark.heavy


def test_a_network_takes_over_and_answers_as_it_was_trained(tmp_path: Path):
    """Promoted while the service runs: preflight, golden predictions, and then PyTorch's own probabilities."""
    rows = contract_rows(6000)
    rows = rows[~np.isnan(targets(rows))]
    fitted = model.build_model("torch", 0).fit(features_of(rows), targets(rows))
    flights = random_flights(300, seed=5)
    columns = as_columns([naive(flight) for flight in flights])
    models_dir = tmp_path / "3_models"
    publish_champion(models_dir, 1, seed=1)
    with running(tmp_path) as server:
        server.wait()
        publish_fitted(models_dir, 2, fitted, columns, passed=True)
        registry.promote(models_dir, 2, expected=1)
        deadline = time.monotonic() + 30
        while httpx.post(f"{server.url}/predict", json=flights[0]).json()["model_version"] == 1:
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.1)
        answers = httpx.post(f"{server.url}/predict/batch", json={ROWS: flights}, timeout=30).raise_for_status()
    ours = np.array([each["probability"] for each in answers.json()["predictions"]])
    theirs = fitted.predict_proba(pd.DataFrame(build_features(columns)))[:, 1]
    assert np.ptp(theirs) > 0.01
    portable.check_parity(ours, theirs)
