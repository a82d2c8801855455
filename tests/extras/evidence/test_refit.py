"""The comparison of a release with its refit tells a better model from the same one."""

import numpy as np
import pandas as pd
import pytest

from extras.evidence import refit
from extras.evidence.fits import Task
from flights.dataset import EVENT_TIME, targets
from flights.model import CANDIDATE
from tests.contract_rows import contract_rows

TASK = Task(CANDIDATE, pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-02-01", tz="UTC"))


@pytest.mark.parametrize(("noise", "better"), [(0.0, False), (2.0, True), (4.0, True)])
def test_a_better_refit_is_better_in_ranking_and_cost(noise, better):
    """Injected: a release whose log-odds are the refit's with so much noise; with none, every difference is zero."""
    found = contract_rows(4000)
    rows = found[~np.isnan(targets(found))].reset_index(drop=True)
    random, y_true = np.random.default_rng(3), targets(rows)
    odds = 2 * y_true - 1 + random.normal(size=len(rows))
    released = odds + noise * random.normal(size=len(rows))
    half = len(rows) // 2
    pairs = [
        refit.Pair(TASK, *(1 / (1 + np.exp(-each[part])) for each in (released, odds)), threshold)
        for part, threshold in ((slice(half), 0.4), (slice(half, None), 0.5))
    ]
    report = refit.compared(rows, pairs, 100)
    assert set(report) == {"roc_auc", "brier", "calibration_error", "cost_per_1000"}
    for name in ("roc_auc", "cost_per_1000"):
        assert (report[name]["better"]["low"] > 0) == better
        assert (report[name]["better"]["value"] != 0) == better


def test_a_release_needs_a_month_before_its_validation():
    """Four months of validation and holdout, and four weeks to train on."""
    rows = pd.DataFrame({EVENT_TIME: [pd.Timestamp("2024-01-01", tz="UTC")]})
    origins = [pd.Timestamp(day, tz="UTC") for day in ("2024-05-01", "2026-01-01")]
    assert [refit.has_training_rows(rows, origin) for origin in origins] == [False, True]
