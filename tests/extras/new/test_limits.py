"""Limits follow from the data, each with its reason."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from extras.new.dates import split_dates
from extras.new.limits import limits, plausible_limit, ranking, rounded_down, rounded_up
from monitoring.check import is_firing
from monitoring.checks import performance
from tests.extras.new.tables import payments, snapshots
from tests.extras.new.test_infer import found_in


def test_limits_follow_from_the_label_delay(tmp_path):
    """Forty days more of delay move the watermark, the label delay and the look-back."""
    found = [found_in(tmp_path, snapshots(), DELAY_DAYS=days) for days in ("10", "50")]
    early, late = ({each.name: each for each in limits(one, split_dates(one))} for one in found)
    for name, step in (("WATERMARK_HOURS", 960), ("MAX_DELAY_HOURS", 960), ("GAP_DAYS", 40)):
        assert float(late[name].value) - float(early[name].value) == step
    assert int(late["LOOK_BACK_DAYS"].value) > int(early["LOOK_BACK_DAYS"].value)
    assert all(each.why for each in early.values())


def test_rounding_never_tightens_a_limit():
    """Two digits, outwards."""
    assert (rounded_up(0.0721), rounded_down(0.0729)) == (0.073, 0.072)


@pytest.mark.parametrize(
    ("rows", "positive", "limit"),
    [(71, 55, 1.0), (71, 16, 1.0), (2, 1, 1.0), (50, 0, 1.0), (10_000, 100, 0.99), (10_000, 5_000, 0.99)],
)
def test_a_few_rows_may_be_ranked_perfectly_by_chance(rows, positive, limit):
    """Too few to tell a leak from a good model: the limit is 1. With many rows 0.99 tells them apart."""
    assert plausible_limit(rows, positive) == limit


@pytest.mark.parametrize(
    ("rows", "positive", "metric", "significant"),
    [
        (10_000, 2_000, "", ""),
        (10_000, 499, "pr_auc", ""),
        (30_000, 300, "pr_auc", ""),
        (180, 60, "", "False"),
        (3_600, 21, "pr_auc", "False"),
        (500, 460, "", "False"),
    ],
)
def test_the_ranking_metric_follows_the_base_rate_and_the_proof_the_size(tmp_path, rows, positive, metric, significant):
    """Below 5 % average precision ranks; below 100 of the rarer class a standard error is enough."""
    dates = split_dates(found_in(tmp_path, snapshots(), DELAY_DAYS="7"))
    counts = dates.counts | {"holdout": (rows, positive)}
    found = {each.name: each.value for each in ranking(dataclasses.replace(dates, counts=counts))}
    assert metric in found.get("COMPARED", "")
    assert ("COMPARED" in found, found.get("SIGNIFICANT", "")) == (bool(metric), significant)


@pytest.mark.parametrize(("factor", "fired"), [(1, False), (4, True)])
def test_four_times_the_fraud_rate_fires_for_calibration(tmp_path, monkeypatch, factor, fired):
    """1 % positives and the limits that follow from them; injected: four times as many, with the model as it was."""
    found = found_in(tmp_path, payments(), TIME="paid at", TARGET="fraud", DELAY_DAYS="45")
    values = {each.name: each.value for each in limits(found, split_dates(found))}
    for name in ("QUALITY_DAYS", "MIN_DAYS"):
        monkeypatch.setattr(performance, name, int(values[name]))
    monkeypatch.setattr(performance, "MAX_BIAS", float(values["MAX_BIAS"]))
    random, times = np.random.default_rng(5), found.roles.times[-20_000:]
    risk = random.beta(0.5, 49.5, len(times))  # 1 % on average
    rows = pd.DataFrame({"event_time": times, "day": times.dt.normalize(), "state": "labelled", "model_version": 1})
    rows = rows.assign(probability=risk, threshold=0.1, past_watermark=True)
    rows["target"] = (random.random(len(times)) < np.minimum(1, factor * risk)).astype(float)
    bias, _ = performance.quality_checks(rows)
    assert is_firing(bias).any() == fired
