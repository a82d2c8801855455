"""How the champion behaves on cases that people understand, whatever its metrics say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from flights import registry
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.dataset import INPUTS, as_arrays

CALM = {
    **dict.fromkeys(("backlog_all", "backlog_origin", "backlog_carrier"), 0.0),
    **dict.fromkeys((column.name for column in INPUTS if column.name.startswith("overdue_")), 0.0),
    **dict.fromkeys((column.name for column in INPUTS if column.name.startswith("arrival_delay_4h_")), -10.0),
    "precipitation": 0.0,
    "visibility": 10.0,
    "wind_speed": 5.0,
    "previous_leg_arrival_delay": -10.0,
}
STORM = {
    "backlog_all": 150.0,
    "backlog_origin": 60.0,
    "backlog_carrier": 25.0,
    **dict.fromkeys((column.name for column in INPUTS if column.name.startswith("overdue_")), 0.9),
    **dict.fromkeys((column.name for column in INPUTS if column.name.startswith("arrival_delay_4h_")), 90.0),
    "precipitation": 0.4,
    "visibility": 1.0,
    "wind_speed": 30.0,
    "previous_leg_arrival_delay": 120.0,
}


@pytest.fixture(scope="module")
def rows(trained: Path) -> pd.DataFrame:
    """Some flights of the holdout."""
    return read_parquet(Settings(data_dir=trained).splits_dir / "holdout.parquet", "").head(500)


@pytest.fixture(scope="module")
def champion(trained: Path) -> registry.Model:
    """The model that would serve."""
    models_dir = Settings(data_dir=trained).models_dir
    version = registry.champion(models_dir)
    assert version is not None
    return registry.load(models_dir, version)


def said(champion: registry.Model, rows: pd.DataFrame, **changed: object) -> NDArray[np.float64]:
    return champion.score(as_arrays(rows.assign(**changed)))


def test_minimum_functionality_a_calm_day_and_a_storm(champion, rows):
    """On a calm day no flight is alerted on as one in a storm is: the plainest case that there is."""
    calm, storm = said(champion, rows, **CALM), said(champion, rows, **STORM)
    assert np.median(calm) < 0.15
    assert np.median(storm) > 0.5
    assert (storm > calm).all()


def test_invariance_names_tell_nothing(champion, rows):
    """Another flight number or tail, or the same rows in another order, is the same flight to the model."""
    plain = said(champion, rows)
    assert (said(champion, rows, flight=rows["flight"] % 9999 + 1) == plain).all()
    assert (said(champion, rows, tailnum="N00000") == plain).all()
    assert (said(champion, rows[::-1])[::-1] == plain).all()


MORE_DELAY = {
    "backlog_origin": 30.0,
    "overdue_1h_origin": 0.4,
    "overdue_3h_all": 0.3,
    "previous_leg_arrival_delay": 60.0,
}


def risk_rises(champion: registry.Model, rows: pd.DataFrame, column: str, by: float) -> bool:
    """Whether more delay in one column alone raises the mean probability."""
    now = rows[column].fillna(0.0)
    return bool(
        said(champion, rows, **{column: now + by}).mean() > said(champion, rows, **{column: now}).mean() + 0.005
    )


@pytest.mark.parametrize(("column", "by"), MORE_DELAY.items())
def test_directional_more_delay_is_more_risk(champion, rows, column, by):
    """More delay in any of these columns alone is more risk."""
    assert risk_rises(champion, rows, column, by)


@pytest.mark.parametrize(("column", "by"), MORE_DELAY.items())
def test_a_model_that_points_the_other_way_is_found(champion, rows, column, by):
    """Planted: one that takes every risk for its opposite."""
    contrary = replace(champion, score=lambda columns: 1 - champion.score(columns))
    assert not risk_rises(contrary, rows, column, by)
