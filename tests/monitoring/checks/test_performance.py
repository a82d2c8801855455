import numpy as np
import pandas as pd
import pytest

from flights.dataset import OUTCOME, targets
from monitoring.check import Check, is_firing
from monitoring.checks import performance
from monitoring.outcomes import WATERMARK
from tests.declared import outcome_of
from tests.monitoring.conftest import judged
from tests.monitoring.test_outcomes import followed


def firing(checks: list[Check]) -> set[str]:
    """Names of the checks that fire."""
    return {check.name for check in checks if is_firing(check).any()}


@pytest.mark.exhibit
def test_early_labels_are_biased_and_left_out():
    """Two hours after schedule fewer of the landed are late; quality looks only past the watermark."""
    log = judged(days=10)
    now = log["event_time"].max() + pd.Timedelta(hours=1.5)
    rows = followed(log, now)
    fresh = rows[(rows["state"] == "labelled") & (rows["event_time"] > now - pd.Timedelta(hours=2))]
    assert fresh["target"].mean() < 0.1 < 0.25 * rows["probability"].mean() + 0.1
    assert all(window["event_time"].max() <= now - WATERMARK for _, window in performance.windows(rows))


@pytest.mark.ml_test_score("O7")
def test_a_calibrated_model_fires_nothing():
    """Exact probabilities are within both limits."""
    assert firing(performance.quality_checks(followed(judged()))) == set()


@pytest.mark.ml_test_score(
    "O7", injects="Probabilities that are too high by 0.1, in the right order, lose calibration only"
)
def test_wrong_probabilities_fire_for_calibration():
    """Probabilities that are too high by 0.1, in the right order, lose calibration only."""
    log = judged()
    assert firing(performance.quality_checks(followed(log.assign(probability=log["probability"] * 0.6 + 0.25)))) == {
        "bias"
    }


def test_a_models_first_days_count_for_less():
    """Half of the two weeks is judged as if the deviation were smaller by the root of two: single days weigh more."""
    log = judged(rows=2000)
    bias = performance.quality_checks(followed(log.assign(probability=log["probability"] * 0.6 + 0.25)))[0].values
    assert bias.iloc[0] == pytest.approx(bias.iloc[-1] / 2**0.5, abs=0.01)


@pytest.mark.ml_test_score(
    "O7", injects="Probabilities dealt out at random among the flights of a day keep their mean and lose their order"
)
def test_a_lost_order_fires_for_ranking():
    """Probabilities dealt out at random among the flights of a day keep their mean and lose their order."""
    log = judged()
    shuffled = log.groupby(log["event_time"].dt.date)["probability"].transform(lambda day: np.roll(day, 7))
    assert "ranking shortfall" in firing(performance.quality_checks(followed(log.assign(probability=shuffled))))
    assert "bias" not in firing(performance.quality_checks(followed(log.assign(probability=shuffled))))


def test_one_class_only_is_no_quality():
    """Where no flight was late there is nothing to rank, and no error."""
    rows = followed(judged().assign(**{OUTCOME: outcome_of(0)}))
    assert performance.windows(rows) == []
    assert firing(performance.quality_checks(rows)) == set()


def test_the_expected_roc_auc_is_reached():
    """Outcomes that are drawn from the probabilities reach it."""
    from flights.evaluation import metrics
    from flights.ranking import rank

    log = judged(days=200)
    reached = metrics(rank(targets(log), log["probability"].to_numpy()))["roc_auc"]
    assert performance.expected_roc_auc(log["probability"].to_numpy()) == pytest.approx(reached, abs=0.005)


def test_a_window_holds_one_model_only():
    """After a swap the new model is judged by its own predictions."""
    log = judged()
    swapped = log.assign(model_version=np.where(log["event_time"] < "2013-11-25", 1, 2))
    newest = performance.windows(followed(swapped))[-1][1]
    assert set(newest["model_version"]) == {2}
