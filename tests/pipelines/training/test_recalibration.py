"""Probabilities that mean something else are found, fixed where that helps, and left alone where it does not."""

import numpy as np
import pytest

from flights import portable
from pipelines.training import recalibration

ROWS = 20_000


@pytest.fixture(scope="module")
def world():
    """Log-odds that are the truth, what came of them, and the days."""
    random = np.random.default_rng(0)
    odds = random.normal(-1.2, 1.2, ROWS)
    return odds, (random.random(ROWS) < recalibration.expit(odds)).astype(float), np.arange(ROWS) // 400


def test_an_exaggeration_is_corrected(world):
    """Planted: log-odds twice as large as they should be, and shifted. The slope and the shift come back."""
    odds, truth, days = world
    record = recalibration.recalibration_trial(2 * odds + 1, truth, days, seed=1)
    assert record["kept"]
    assert record["slope"] == pytest.approx(0.5, abs=0.03)
    assert record["shift"] == pytest.approx(-0.5, abs=0.05)
    assert record["gains"]["calibration_error"]["value"] > 0.05


def test_what_is_right_is_left_alone(world):
    """If the probabilities are right, recalibration gains no more than chance."""
    record = recalibration.recalibration_trial(*world, seed=1)
    assert not record["kept"]
    assert abs(record["gains"]["brier"]["value"]) < 0.001


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_validation_may_have_fewer_days_than_folds(world, count):
    """Injected: one to four days. Each is held out once; from a single day nothing is learned, so nothing changes."""
    odds, truth, days = (values[: 400 * count] for values in world)
    assert len(list(recalibration.folds(days))) == count
    record = recalibration.recalibration_trial(2 * odds + 1, truth, days, seed=1)
    assert np.isfinite([record["slope"], record["shift"]]).all()
    if count == 1:
        assert not record["kept"]
        assert record["gains"]["brier"]["value"] == 0


def test_a_fold_without_a_positive_row_is_not_fitted(world):
    """Injected: all positive rows on one of two days; on the other day's rows there is nothing to fit."""
    odds, truth, days = (values[:800].copy() for values in world)
    truth[days == 1] = 0
    after = recalibration.cross_fitted(odds, truth, days)
    np.testing.assert_allclose(after[days == 0], recalibration.expit(odds[days == 0]))


def test_no_fold_knows_a_flight_of_the_days_it_is_asked_about(world):
    """Whole days are held out: every row is asked about once, by a fit that saw no flight of its day."""
    _, _, days = world
    asked = np.zeros(ROWS)
    for known, part in recalibration.folds(days):
        assert not set(days[known]) & set(days[part])
        asked[part] += 1
    assert (asked == 1).all()


def test_odds_and_back():
    """A probability of 0 or 1 has finite log-odds, and the way back is exact."""
    probabilities = np.array([0.0, 0.2, 0.9, 1.0])
    assert np.isfinite(recalibration.logit(probabilities)).all()
    np.testing.assert_allclose(recalibration.expit(recalibration.logit(probabilities)), probabilities, atol=1e-12)


def test_the_unrecalibrated_model_is_found_again(world):
    """Recalibration wraps a model and changes its probabilities; what was wrapped can be taken out."""
    from sklearn.linear_model import LogisticRegression

    odds, truth, _ = world
    fitted = LogisticRegression().fit(3 * odds[:, None], truth)
    fitted.coef_ *= 2
    wrapped = recalibration.recalibrated(fitted, 3 * odds[:, None], truth)
    assert portable.recalibration(wrapped)[0] is fitted
    assert portable.recalibration(fitted)[0] is fitted
    assert abs(wrapped.predict_proba(odds[:, None])[:, 1] - fitted.predict_proba(odds[:, None])[:, 1]).max() > 0.05
