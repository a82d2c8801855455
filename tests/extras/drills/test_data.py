"""What the data drills plant is told apart from what is clean, by the gate's own evidence."""

import pandas as pd
import pytest

from extras.drills.data import drawn, unclean
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME

pytestmark = pytest.mark.exhibit


@pytest.fixture
def parts(split_data):
    """The real split."""
    folder = Settings(data_dir=split_data).splits_dir
    return [read_parquet(folder / f"{name}.parquet", "") for name in ("train", "holdout")]


def test_a_clean_split_gives_the_gate_no_reason(parts, tmp_path):
    """The holdout is after the training."""
    assert not unclean(Settings(data_dir=tmp_path), *parts)


def test_a_split_by_chance_does(parts, tmp_path):
    """Planted: no row is on both sides, but their days are."""
    asked, by_time, by_chance = drawn(parts[0], seed=1)
    assert "hours after training's last row" in unclean(Settings(data_dir=tmp_path), by_chance, asked)
    assert by_time[EVENT_TIME].max() < asked[EVENT_TIME].min()


def test_a_row_on_both_sides_is_counted(parts, tmp_path):
    """Planted: training saw ten rows of the holdout."""
    train, holdout = parts
    leaky = pd.concat([train, holdout.head(10)])
    assert unclean(Settings(data_dir=tmp_path), leaky, holdout) == "training has seen 10 rows of the holdout"
