"""The threshold follows from the costs, on validation only."""

import numpy as np
import pytest

from flights import model, portable
from flights.artifacts import read_json
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.evaluation import decision_cost
from pipelines.evaluation.inputs import candidate_folder, load_trained
from pipelines.rows import features_of, labelled_rows
from pipelines.training import fitting


@pytest.fixture
def settings(trained, monkeypatch):
    """Settings of the session's training."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    return Settings()


def test_the_threshold_follows_from_the_costs(settings):
    """No threshold of a fine grid costs noticeably less on the rows that it was tuned on, and those are validation."""
    rows = labelled_rows(settings, "validation")
    training = read_json(candidate_folder(settings) / "training.json", "")
    found = portable.load(candidate_folder(settings))(as_arrays(rows))

    def cost(threshold):
        return decision_cost(targets(rows), found >= threshold)

    best = min(cost(threshold) for threshold in np.linspace(0, 1, 1001))
    assert cost(training["threshold"]) < 1.005 * best
    assert cost(0.5) > 1.1 * best


def test_a_threshold_tuned_on_the_holdout_would_be_another(settings):
    """Planted: the holdout in place of validation. The published threshold is validation's, to the bit."""
    training = read_json(candidate_folder(settings) / "training.json", "")
    fitted = load_trained(candidate_folder(settings), model.CANDIDATE)
    tuned = {
        part: fitting.tuned_threshold(fitted, features_of(rows), targets(rows))
        for part, rows in ((part, labelled_rows(settings, part)) for part in ("validation", "holdout"))
    }
    assert tuned["validation"] == training["threshold"] != tuned["holdout"]
