"""Small carriers and rare destinations are served as honestly as the others, and persons are no feature."""

import numpy as np
import pytest

from extras.drills.drill_helpers import part, serving
from extras.drills.inclusion import gaps, groups
from flights import features
from flights.columns import DeclarationError
from flights.config import Settings
from flights.contract import as_arrays
from flights.feature_set import plan

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def answered(trained):
    """The holdout with the champion's probabilities."""
    settings = Settings(data_dir=trained)
    rows = part(settings, "holdout")
    return rows, serving(settings).score(as_arrays(rows))


@pytest.mark.ml_test_score("M7")
def test_no_group_is_served_otherwise(answered):
    """Every carrier, airport and destination that is large enough, and the rare ones together."""
    found = gaps(*answered)
    assert [each.group for each in found if each.unfair] == []
    assert {"carrier MQ", "origin LGA", "rare dest"} <= {each.group for each in found}


@pytest.mark.ml_test_score("M7", injects="one carrier's probabilities are 20 points too high")
def test_a_group_that_is_served_otherwise_is_found(answered):
    """Planted: one carrier's probabilities are 20 points too high."""
    rows, probabilities = answered
    spoiled = np.where(rows["carrier"] == "MQ", np.minimum(probabilities + 0.2, 1), probabilities)
    assert "carrier MQ" in [each.group for each in gaps(rows, spoiled) if each.unfair]


def test_rare_destinations_are_a_group(answered):
    """What is too small alone is looked at together."""
    rows, _ = answered
    assert 0 < groups(rows)["rare dest"].sum() < len(rows) / 5


@pytest.mark.ml_test_score("M7", injects="the tail number as a category")
def test_a_personal_column_is_no_feature(monkeypatch):
    """Planted: the tail number as a category. An identity is refused by name."""
    monkeypatch.setattr(features, "CATEGORIES", (*features.CATEGORIES, "tailnum"))
    monkeypatch.setattr(features, "FEATURES", (*features.FEATURES, "tailnum"))
    with pytest.raises(DeclarationError, match="tailnum identifies someone"):
        plan.__wrapped__()
