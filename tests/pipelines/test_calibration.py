"""Probabilities that mean something else are found, mended where that helps, and left alone where it does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flights.evaluation import metrics
from flights.ranking import rank
from pipelines import calibration

ROWS = 20_000


@pytest.fixture(scope="module")
def world():
    """Log-odds that are the truth, what came of them, and the days."""
    random = np.random.default_rng(0)
    odds = random.normal(-1.2, 1.2, ROWS)
    return odds, (random.random(ROWS) < calibration.expit(odds)).astype(float), np.arange(ROWS) // 400


def test_an_exaggeration_is_mended(world):
    """Planted: log-odds twice as large as they should be, and shifted. The slope and the shift come back."""
    odds, truth, days = world
    record = calibration.record(2 * odds + 1, truth, days, seed=1)
    assert record["kept"]
    assert record["slope"] == pytest.approx(0.5, abs=0.03)
    assert record["shift"] == pytest.approx(-0.5, abs=0.05)
    assert record["gains"]["platt"]["calibration_error"]["value"] > 0.05


def test_what_is_right_is_left_alone(world):
    """Where the probabilities are true, no way of recalibration gains more than chance."""
    record = calibration.record(*world, seed=1)
    assert not record["kept"]
    assert all(abs(each["brier"]["value"]) < 0.001 for each in record["gains"].values())


def test_no_fold_knows_a_flight_of_the_days_it_is_asked_about(world):
    """Whole days are held out: every row is asked about once, by a fit that saw no flight of its day."""
    _, _, days = world
    asked = np.zeros(ROWS)
    for known, part in calibration.folds(days):
        assert not set(days[known]) & set(days[part])
        asked[part] += 1
    assert (asked == 1).all()


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=50))
def test_reliability_counts_every_row_once(pairs):
    """The bins of the reliability curve partition the rows."""
    targets, probabilities = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    _, observed, size = calibration.reliability(rank(targets, probabilities))
    assert size.sum() == len(pairs)
    assert (observed * size).sum() == pytest.approx(targets.sum())


def test_briers_parts_add_up(world):
    """Reliability - resolution + uncertainty + within bins is the Brier score; a shift is all reliability."""
    odds, truth, _ = world
    honest, shifted = (rank(truth, calibration.expit(odds + shift)) for shift in (0, 1))
    parts, worse = calibration.brier_parts(honest), calibration.brier_parts(shifted)
    signs = {"reliability": 1, "resolution": -1, "uncertainty": 1, "within_bins": 1}
    assert sum(signs[name] * part for name, part in parts.items()) == pytest.approx(metrics(honest, ["brier"])["brier"])
    assert parts["reliability"] < 0.001
    assert worse["reliability"] > 0.01
    assert worse["resolution"] == pytest.approx(parts["resolution"], abs=1e-9)


def test_odds_and_back():
    """A probability of 0 or 1 has finite log-odds, and the way back is exact."""
    probabilities = np.array([0.0, 0.2, 0.9, 1.0])
    assert np.isfinite(calibration.logit(probabilities)).all()
    np.testing.assert_allclose(calibration.expit(calibration.logit(probabilities)), probabilities, atol=1e-12)


def test_the_unrecalibrated_model_is_found_again(world):
    """Recalibration wraps a model and changes its probabilities; what was wrapped can be taken out."""
    from sklearn.linear_model import LogisticRegression

    odds, truth, _ = world
    fitted = LogisticRegression().fit(3 * odds[:, None], truth)
    fitted.coef_ *= 2
    wrapped = calibration.recalibrated(fitted, 3 * odds[:, None], truth)
    assert calibration.without(wrapped) is fitted
    assert calibration.without(fitted) is fitted
    assert abs(wrapped.predict_proba(odds[:, None])[:, 1] - fitted.predict_proba(odds[:, None])[:, 1]).max() > 0.05
