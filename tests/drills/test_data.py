"""What the data drills plant is told apart from what is clean."""

import pandas as pd

from drills.data import clean_evidence
from flights.dataset import EVENT_TIME, KEY
from pipelines.gate import unclean_holdout


def rows(first: str) -> pd.DataFrame:
    return pd.DataFrame({KEY: [f"{first}-1"], EVENT_TIME: [pd.Timestamp(first, tz="UTC")]})


def test_a_clean_split_gives_the_gate_no_reason():
    """The holdout lies after the training."""
    assert not unclean_holdout(clean_evidence(rows("2013-08-01"), rows("2013-09-01")))


def test_a_leaky_one_does():
    """Planted: training saw the holdout's row."""
    assert unclean_holdout(clean_evidence(rows("2013-09-01"), rows("2013-09-01")))
