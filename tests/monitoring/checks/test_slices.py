import numpy as np
import pandas as pd
import pytest

from flights.dataset import CARRIERS, ORIGINS
from monitoring.check import is_firing
from monitoring.checks import slices
from tests.monitoring.conftest import judged

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def parts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference and live rows of a perfectly calibrated model, with carriers and origins dealt out."""
    found = []
    for seed in (0, 1):
        rows = judged(days=40, rows=400, seed=seed)
        draw = np.random.default_rng(seed)
        day = rows["event_time"].dt.tz_localize(None).dt.normalize()
        target = (rows["arrival_delay"] > 15).astype(float)
        names = {"carrier": draw.choice(CARRIERS[:5], len(rows)), "origin": draw.choice(ORIGINS, len(rows))}
        found.append(rows.assign(day=day, target=target, **names))
    return found[0], found[1]


def test_a_model_that_is_right_everywhere_fires_nothing(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Slices differ by chance only."""
    assert not is_firing(slices.slice_outlier(*parts)).any()


@pytest.mark.ml_test_score(
    "M6", injects="One carrier is late far more often than predicted; all flights together hardly move"
)
def test_a_slice_that_is_wrong_fires(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """One carrier is late far more often than said; all flights together hardly move."""
    reference, live = parts
    struck = (live["carrier"] == "B6") & (live["day"] >= "2013-11-20") & (np.arange(len(live)) % 2 == 0)
    fired = is_firing(slices.slice_outlier(reference, live.assign(target=live["target"].where(~struck, 1.0))))
    assert pd.Timestamp("2013-11-22") <= fired.index[fired][0] <= pd.Timestamp("2013-12-01")


def test_a_bad_time_for_all_is_no_slice(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """A storm makes every carrier late: that is for the checks of the whole."""
    reference, live = parts
    storm = np.arange(len(live)) % 3 == 0
    assert not is_firing(slices.slice_outlier(reference, live.assign(target=live["target"].where(~storm, 1.0)))).any()


def test_small_slices_and_empty_logs_say_nothing(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Five flights of a carrier are no evidence; without rows there is no value."""
    reference, live = parts
    few = live.assign(carrier=np.where(np.arange(len(live)) < 5, "HA", live["carrier"]))
    assert slices.bias_differences(few)["carrier HA"].isna().all()
    assert slices.slice_outlier(reference, live.head(0)).values.empty
