import numpy as np
import pandas as pd
import pytest

from flights.dataset import targets
from monitoring.check import is_firing
from monitoring.checks import slices
from tests.monitoring.conftest import judged


@pytest.fixture(autouse=True)
def _sliced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices by two columns, whatever is declared."""
    monkeypatch.setattr(slices, "SLICED", ("line", "site"))


@pytest.fixture(scope="module")
def parts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference and live rows of a perfectly calibrated model, with lines and sites dealt out."""
    found = []
    for seed in (0, 1):
        rows = judged(days=40, rows=400, seed=seed)
        draw = np.random.default_rng(seed)
        day = rows["event_time"].dt.tz_localize(None).dt.normalize()
        names = {"line": draw.choice(list("abcde"), len(rows)), "site": draw.choice(list("xyz"), len(rows))}
        found.append(rows.assign(day=day, target=targets(rows), **names))
    return found[0], found[1]


def test_a_model_that_is_right_everywhere_fires_nothing(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Slices differ by chance only."""
    assert not is_firing(slices.slice_outlier(*parts)).any()


@pytest.mark.ml_test_score(
    "M6", injects="One line is late far more often than predicted; all rows together hardly move"
)
def test_a_slice_that_is_wrong_fires(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """One line is late far more often than said; all rows together hardly move."""
    reference, live = parts
    struck = (live["line"] == "d") & (live["day"] >= "2013-11-20") & (np.arange(len(live)) % 2 == 0)
    fired = is_firing(slices.slice_outlier(reference, live.assign(target=live["target"].where(~struck, 1.0))))
    assert pd.Timestamp("2013-11-22") <= fired.index[fired][0] <= pd.Timestamp("2013-12-01")


def test_a_bad_time_for_all_is_no_slice(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """A storm makes every line late: that is for the checks of the whole."""
    reference, live = parts
    storm = np.arange(len(live)) % 3 == 0
    assert not is_firing(slices.slice_outlier(reference, live.assign(target=live["target"].where(~storm, 1.0)))).any()


def test_small_slices_and_empty_logs_say_nothing(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Five rows of a line are no evidence; without rows there is no value."""
    reference, live = parts
    few = live.assign(line=np.where(np.arange(len(live)) < 5, "rare", live["line"]))
    assert slices.bias_differences(few)["line rare"].isna().all()
    assert slices.slice_outlier(reference, live.head(0)).values.empty
