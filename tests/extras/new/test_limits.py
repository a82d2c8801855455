"""Limits follow from the data, each with its reason."""

import dataclasses

import pytest

from extras.new.dates import split_dates
from extras.new.limits import limits, ranking, rounded_down, rounded_up
from tests.extras.new.tables import snapshots
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
