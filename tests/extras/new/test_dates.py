"""Splits follow from the rows, with a gap longer than a label takes."""

import pytest

from extras.new.dates import split_dates
from extras.new.limits import limits
from extras.new.roles import Rejected
from tests.extras.new.tables import snapshots
from tests.extras.new.test_infer import found_in


def test_the_gap_is_a_day_longer_than_the_label_delay(tmp_path):
    """Thirty days and one, and rows of both classes in every part."""
    dates = split_dates(found_in(tmp_path, snapshots(), DELAY_DAYS="30"))
    assert dates.gap_days == 31
    assert min(dates.holdout_days, dates.validation_days) > 30
    assert all(0 < positive < rows for rows, positive in dates.counts.values())


@pytest.mark.parametrize("delay", ["0", "1", "30"])
def test_no_outcome_comes_after_the_gap(tmp_path, delay):
    """Injected: rows until the last hour of each day, whose labels come hours after those of the morning."""
    found = found_in(tmp_path, snapshots(), DELAY_DAYS=delay)
    dates = split_dates(found)
    written = {limit.name: limit.value for limit in limits(found, dates)}
    assert 24 * int(written["GAP_DAYS"]) >= int(written["WATERMARK_HOURS"])


def test_a_table_that_is_too_short_is_rejected(tmp_path):
    """Planted: labels that take longer than the table."""
    with pytest.raises(Rejected, match="the table is too short"):
        split_dates(found_in(tmp_path, snapshots(), DELAY_DAYS="900"))
