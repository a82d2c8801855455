import numpy as np
import pandas as pd
import pytest

from monitoring import performance
from monitoring.watch import Watch, fires
from tests.monitoring.conftest import judged

pytestmark = pytest.mark.exhibit

OUTCOME = ["request_id", "known_at", "arrival_delay"]


def followed(log: pd.DataFrame, now: pd.Timestamp | None = None, outcomes: pd.DataFrame | None = None) -> pd.DataFrame:
    """The log as the monitor sees it at a moment; by default a week after its end."""
    outcomes = log[OUTCOME].dropna() if outcomes is None else outcomes
    now = now or log["event_time"].max() + pd.Timedelta(days=7)
    return performance.followed(log.drop(columns=["known_at", "arrival_delay"]), outcomes, now)


def rings(watches: list[Watch]) -> set[str]:
    """Names of the watches that ring."""
    return {watch.name for watch in watches if fires(watch).any()}


def labels(log: pd.DataFrame, **changes: object) -> set[str]:
    """What the label watches say of a log whose outcomes were changed."""
    outcomes = log[OUTCOME].assign(**changes).dropna()
    return rings(performance.label_watches(followed(log, outcomes=outcomes), outcomes, log))


def test_every_prediction_is_somewhere():
    """Predictions are labelled, waiting or expired, and nothing else, at any moment."""
    log = judged(days=5)
    log.loc[::10, ["arrival_delay", "known_at"]] = [np.nan, pd.NaT]
    for hours in (0, 30, 60, 100, 1000):
        now = log["event_time"].min() + pd.Timedelta(hours=hours)
        found = performance.ledger(followed(log, now))
        assert found["predictions"] == found["labelled"] + found["waiting"] + found["expired"] == len(log)
    assert found["waiting"] == 0
    assert found["expired"] == 100


def test_an_outcome_counts_only_once_it_is_known():
    """What becomes known tomorrow is not looked at today."""
    log = judged(days=2)
    early = followed(log, log["known_at"].min())
    assert (early["state"] == "labelled").sum() == (log["known_at"] == log["known_at"].min()).sum()


def test_early_labels_are_biased_and_left_out():
    """Three hours after schedule fewer of the landed are late; quality looks only past the watermark."""
    log = judged(days=10)
    now = log["event_time"].max() + pd.Timedelta(hours=2.5)
    rows = followed(log, now)
    fresh = rows[(rows["state"] == "labelled") & (rows["event_time"] > now - pd.Timedelta(hours=3))]
    assert fresh["target"].mean() < 0.1 < 0.25 * rows["probability"].mean() + 0.1
    assert all(window["event_time"].max() <= now - performance.WATERMARK for _, window in performance.windows(rows))


@pytest.mark.ml_test_score("O7")
def test_a_calibrated_model_rings_nothing():
    """Exact probabilities keep both promises."""
    assert rings(performance.quality_watches(followed(judged()))) == set()


@pytest.mark.ml_test_score(
    "O7", injects="Probabilities that are too high by 0.1, in the right order, lose calibration only"
)
def test_wrong_probabilities_ring_for_calibration():
    """Probabilities that are too high by 0.1, in the right order, lose calibration only."""
    log = judged()
    assert rings(performance.quality_watches(followed(log.assign(probability=log["probability"] * 0.6 + 0.25)))) == {
        "bias"
    }


def test_a_models_first_days_count_for_less():
    """Half of the two weeks is judged as if the deviation were smaller by the root of two: single days weigh more."""
    log = judged(rows=2000)
    bias = performance.quality_watches(followed(log.assign(probability=log["probability"] * 0.6 + 0.25)))[0].values
    assert bias.iloc[0] == pytest.approx(bias.iloc[-1] / 2**0.5, abs=0.01)


@pytest.mark.ml_test_score(
    "O7", injects="Probabilities dealt out at random among the flights of a day keep their mean and lose their order"
)
def test_a_lost_order_rings_for_ranking():
    """Probabilities dealt out at random among the flights of a day keep their mean and lose their order."""
    log = judged()
    shuffled = log.groupby(log["event_time"].dt.date)["probability"].transform(lambda day: np.roll(day, 7))
    assert "ranking shortfall" in rings(performance.quality_watches(followed(log.assign(probability=shuffled))))
    assert "bias" not in rings(performance.quality_watches(followed(log.assign(probability=shuffled))))


def test_one_class_only_is_no_quality():
    """Where no flight was late there is nothing to rank, and no error."""
    rows = followed(judged().assign(arrival_delay=-5.0))
    assert performance.windows(rows) == []
    assert rings(performance.quality_watches(rows)) == set()
    assert performance.quality_now(rows) == {}
    assert performance.trailing_metrics(rows).empty


def test_the_promise_is_the_expected_roc_auc():
    """What exact probabilities promise is what outcomes drawn from them give."""
    from flights.evaluation import metrics, rank

    log = judged(days=200)
    targets = (log["arrival_delay"] > 15).to_numpy(float)
    reached = metrics(rank(targets, log["probability"].to_numpy()))["roc_auc"]
    assert performance.promised_roc_auc(log["probability"].to_numpy()) == pytest.approx(reached, abs=0.005)


def test_a_window_holds_one_model_only():
    """After a swap the new model is judged by its own predictions."""
    log = judged()
    swapped = log.assign(model_version=np.where(log["event_time"] < "2013-11-25", 1, 2))
    newest = performance.windows(followed(swapped))[-1][1]
    assert set(newest["model_version"]) == {2}


def test_clean_labels_ring_nothing():
    """Outcomes that come when the flight arrives are believed."""
    assert labels(judged()) == set()


def test_flipped_labels_contradict_their_own_moment():
    """A tenth of the outcomes wrong: they claim an arrival at another time than they became known."""
    log = judged()
    flipped = np.where(np.arange(len(log)) % 10 == 0, np.where(log["arrival_delay"] > 15, 0, 60), log["arrival_delay"])
    assert labels(log, arrival_delay=flipped) == {"contradictory outcomes"}


def test_outcomes_that_stop_or_dawdle_ring():
    """Labels that no longer come, and labels that take half a day."""
    log = judged()
    assert labels(log, known_at=log["known_at"].where(np.arange(len(log)) % 2 == 0)) == {"without outcome"}
    assert "label delay" in labels(log, known_at=log["known_at"] + pd.Timedelta(hours=12))


def test_outcomes_of_flights_that_were_never_predicted_ring():
    """Requests that the service refused leave outcomes without a prediction."""
    log = judged()
    asked = log[np.arange(len(log)) % 10 > 0].reset_index(drop=True)
    outcomes = log[OUTCOME]
    watches = performance.label_watches(followed(asked, outcomes=outcomes), outcomes, asked)
    assert rings(watches) == {"outcomes never asked about"}


def test_promises_are_compared_by_their_intervals():
    """Kept where the intervals overlap."""
    found = performance.quality_now(followed(judged()))
    value = found["roc_auc"].value
    near, far = ({"value": at, "low": at - 0.01, "high": at + 0.01} for at in (value, value + 0.3))
    assert [row["kept"] for row in performance.kept_promises({"roc_auc": near}, found)] == [True]
    assert [row["kept"] for row in performance.kept_promises({"roc_auc": far}, found)] == [False]


def test_now_is_the_newest_moment_of_the_log():
    """A prediction is asked for two hours before its event; an outcome may be newer."""
    log = judged(days=2)
    asked = log["event_time"].max() - pd.Timedelta(hours=2)
    assert performance.simulated_now(log, log.head(0)) == asked
    assert performance.simulated_now(log, log) == log["known_at"].max()
