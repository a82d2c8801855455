"""What is planted is wrong, and only that; each kind contradicts as much as it says."""

import numpy as np
import pandas as pd
import pytest

from extras.evidence import mislabels
from extras.evidence.label_audit import clocks_disagree, legs
from flights.dataset import LATE_MINUTES
from pipelines.collection.timetable import TABLES, source_folder

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def source():
    """The source's flights of two days that have an outcome."""
    flights = pd.read_csv(source_folder() / TABLES["flights"])
    two = flights[flights["arr_delay"].notna() & (flights["month"] == 2) & flights["day"].isin([3, 4])]
    return two.reset_index(drop=True)


def test_planted_labels_are_wrong(source):
    """Every planted row changes its class, and none but those is changed."""
    planted, changed = mislabels.mislabelled(source, seed=1)
    before, after = (each["arr_delay"] >= LATE_MINUTES for each in (source, changed))
    rows = np.concatenate(list(planted.values()))
    assert (before != after).sum() == len(rows) == len(set(rows.tolist()))
    assert set(np.flatnonzero(before != after)) == set(rows.tolist())


def test_only_the_first_kind_contradicts_the_clock(source):
    """A delay alone disagrees with the clock; the other kinds keep delay and clock in step."""
    airports = pd.read_csv(source_folder() / TABLES["airports"])
    planted, changed = mislabels.mislabelled(source, seed=1)
    found = clocks_disagree(legs(changed, airports))
    assert {kind: found[rows].mean() for kind, rows in planted.items()} == dict(
        zip(mislabels.MISTAKES, (1.0, 0.0, 0.0), strict=True)
    )
