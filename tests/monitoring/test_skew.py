import pandas as pd
import pytest

from flights.config import Settings
from flights.predictions import engine, logged_predictions
from flights.registry import model_folder
from monitoring.findings import typed_inputs
from monitoring.performance import local_day
from monitoring.skew import skew_watch
from monitoring.watch import Watch, fires
from tests.monitoring.conftest import Logged


def watched(change: float = 0.0, digest: str = "") -> Watch:
    """Score the log again, with the probabilities of the last day changed."""
    settings = Settings()
    log = engine(settings.log_url)
    rows = logged_predictions(log, inputs=True)
    log.dispose()
    rows["day"] = local_day(rows["event_time"])
    last = rows["day"] == rows["day"].max()
    rows.loc[last, "probability"] += change
    rows["model_digest"] = rows["model_digest"].where(~(last & bool(digest)), digest)
    return skew_watch(rows, typed_inputs(rows), settings.models_dir)


@pytest.mark.ml_test_score("O3")
def test_served_predictions_are_the_model_s(logged: Logged):
    """Scoring every logged input again gives the same probability: 0 mismatches."""
    logged(last="2013-11-04")
    watch = watched()
    assert watch.values.sum() == 0
    assert not fires(watch).any()


@pytest.mark.ml_test_score("O3", injects="One day whose probabilities moved by 1e-6 rings on that day")
def test_a_millionth_is_a_mismatch(logged: Logged):
    """One day whose probabilities moved by 1e-6 rings on that day."""
    logged(last="2013-11-04")
    watch = watched(change=1e-6)
    assert fires(watch).tolist() == [False, False, False, True]


def test_one_clean_day_does_not_end_a_mismatch(logged: Logged):
    """A mismatch of the third day still rings on the fourth, and on the tenth no more; nor once another answers."""
    logged(last="2013-11-12")
    settings = Settings()
    log = engine(settings.log_url)
    rows = logged_predictions(log, inputs=True)
    log.dispose()
    rows["day"] = local_day(rows["event_time"])
    rows.loc[(rows["day"] == "2013-11-03").idxmax(), "probability"] += 1e-6
    inputs = typed_inputs(rows)
    assert skew_watch(rows, inputs, settings.models_dir).values.tolist() == [0, 0, *[1] * 7, 0, 0, 0]
    rows.loc[rows["day"] >= "2013-11-05", "model_version"] = 0
    assert skew_watch(rows, inputs, settings.models_dir).values.tolist() == [0, 0, 1, 1, *[0] * 8]


def test_another_model_s_digest_is_a_mismatch(logged: Logged):
    """The right numbers from a model that is not the one published do not count as right."""
    logged(last="2013-11-04")
    assert fires(watched(digest="0" * 64)).iloc[-1]


def test_a_model_that_no_longer_verifies_is_a_mismatch(logged: Logged):
    """A published folder that was altered rings for everything it answered."""
    settings = Settings()
    logged(last="2013-11-04")
    golden = model_folder(settings.models_dir, 1) / "golden.json"
    golden.write_text(golden.read_text().replace("0.1", "0.2"))
    assert fires(watched()).all()


def test_the_heuristic_has_nothing_to_score(logged: Logged):
    """What was answered without a model is no skew; another watch counts it."""
    logged(last="2013-11-02")
    rows = pd.DataFrame({"model_version": [0], "day": [pd.Timestamp("2013-11-01")]})
    assert skew_watch(rows, rows, Settings().models_dir).values.tolist() == [0]
