import pandas as pd
import pytest

from flights.config import Settings
from flights.log_reader import engine, logged_predictions
from flights.registry import model_folder
from monitoring.check import Check, is_firing
from monitoring.checks.skew import skew
from monitoring.outcomes import local_day
from monitoring.view import typed_inputs
from tests.monitoring.conftest import Logged, day


def checked(change: float = 0.0, digest: str = "") -> Check:
    """Score the log again, with the probabilities of the last day changed."""
    settings = Settings()
    log = engine(settings.log_url)
    rows = logged_predictions(log, inputs=True)
    log.dispose()
    rows["day"] = local_day(rows["event_time"])
    last = rows["day"] == rows["day"].max()
    rows.loc[last, "probability"] += change
    rows["model_digest"] = rows["model_digest"].where(~(last & bool(digest)), digest)
    return skew(rows, typed_inputs(rows), settings.models_dir)


@pytest.mark.ml_test_score("O3")
def test_served_predictions_are_the_model_s(logged: Logged):
    """Scoring every logged input again gives the same probability: 0 mismatches."""
    logged(last=day(4))
    check = checked()
    assert check.values.sum() == 0
    assert not is_firing(check).any()


@pytest.mark.ml_test_score("O3", injects="One day whose probabilities moved by 1e-6 fires on that day")
def test_a_millionth_is_a_mismatch(logged: Logged):
    """One day whose probabilities moved by 1e-6 fires on that day."""
    logged(last=day(4))
    check = checked(change=1e-6)
    assert is_firing(check).tolist() == [False, False, False, True]


def test_one_clean_day_does_not_end_a_mismatch(logged: Logged):
    """A mismatch of the third day still fires on the fourth, and on the tenth no more; nor once another answers."""
    logged(last=day(12))
    settings = Settings()
    log = engine(settings.log_url)
    rows = logged_predictions(log, inputs=True)
    log.dispose()
    rows["day"] = local_day(rows["event_time"])
    rows.loc[(rows["day"] == day(3)).idxmax(), "probability"] += 1e-6
    inputs = typed_inputs(rows)
    assert skew(rows, inputs, settings.models_dir).values.tolist() == [0, 0, *[1] * 7, 0, 0, 0]
    rows.loc[rows["day"] >= day(5), "model_version"] = 0
    assert skew(rows, inputs, settings.models_dir).values.tolist() == [0, 0, 1, 1, *[0] * 8]


def test_another_model_s_digest_is_a_mismatch(logged: Logged):
    """The right numbers from a model that is not the one published do not count as right."""
    logged(last=day(4))
    assert is_firing(checked(digest="0" * 64)).iloc[-1]


def test_a_model_that_no_longer_verifies_is_a_mismatch(logged: Logged):
    """A published folder that was altered fires for everything it answered."""
    settings = Settings()
    logged(last=day(4))
    golden = model_folder(settings.models_dir, 1) / "golden.json"
    golden.write_text(golden.read_text().replace("0.1", "0.2"))
    assert is_firing(checked()).all()


def test_the_heuristic_has_nothing_to_score(logged: Logged):
    """What was answered without a model is no skew; another watch counts it."""
    logged(last=day(2))
    rows = pd.DataFrame({"model_version": [0], "day": [pd.Timestamp(day(1))]})
    assert skew(rows, rows, Settings().models_dir).values.tolist() == [0]
