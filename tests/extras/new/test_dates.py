"""Splits follow from the rows, with a gap as long as a label takes."""

import pytest

from extras.new.dates import split_dates
from extras.new.roles import Rejected
from tests.extras.new.tables import snapshots
from tests.extras.new.test_infer import found_in


def test_the_gap_is_the_label_delay(tmp_path):
    """Thirty days, and rows of both classes in every part."""
    dates = split_dates(found_in(tmp_path, snapshots(), DELAY_DAYS="30"))
    assert dates.gap_days == 30
    assert min(dates.holdout_days, dates.validation_days) > 30
    assert all(0 < positive < rows for rows, positive in dates.counts.values())


def test_a_table_that_is_too_short_is_rejected(tmp_path):
    """Planted: labels that take longer than the table."""
    with pytest.raises(Rejected, match="the table is too short"):
        split_dates(found_in(tmp_path, snapshots(), DELAY_DAYS="900"))
