"""What a user may rely on, whatever was learned: the easy cases, what must not matter, and which way the risk goes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from flights import registry
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, ZONE, targets
from flights.files import GOLDEN_FILE
from flights.rows import as_columns
from pipelines.rows import labelled_rows

pytestmark = pytest.mark.exhibit

SCORE_TOLERANCE = 1e-12  # the order in which trees are added up


@pytest.fixture(scope="module")
def champion(trained):
    """The published model, as it serves."""
    return registry.load(trained / "3_models", 1)


@pytest.fixture(scope="module")
def rows(trained, environment):
    """Flights of the holdout."""
    environment.setenv("DATA_DIR", str(trained))
    return labelled_rows(Settings(), "holdout").head(3000).reset_index(drop=True)


def risk(champion, rows):
    """The champion's probabilities."""
    return champion.score(as_arrays(rows))


# Minimum functionality: what anybody would get right.


def test_a_calm_early_morning_is_no_risk(champion, rows):
    """Before seven, nobody waits and the sky is clear: the mean risk is less than half of the general one."""
    hour = rows[EVENT_TIME].dt.tz_convert(ZONE).dt.hour
    calm = rows[(hour < 7) & (rows["visibility"] >= 10) & (rows["precipitation"] == 0)]
    assert len(calm) > 50
    assert risk(champion, calm).mean() < 0.5 * risk(champion, rows).mean()


def test_an_aircraft_that_cannot_be_back_in_time_is_a_risk(champion, rows):
    """Landed three hours late an hour before: the risk is at least twice the general one."""
    stuck = rows.assign(
        previous_leg_hours=5.0, previous_leg_minutes=150.0, previous_leg_delay=180.0, previous_leg_arrival_delay=180.0
    )
    assert risk(champion, stuck).mean() > 2 * risk(champion, rows).mean()


def test_a_jammed_evening_is_a_risk(champion, rows):
    """Most departures of the last hours have not gone: the risk is at least twice that of a day on which all have."""
    shares = [name for name in rows if name.startswith("overdue_")]
    jammed, free = (rows.assign(**dict.fromkeys(shares, share)) for share in (0.8, 0.05))
    assert risk(champion, jammed).mean() > 2 * risk(champion, free).mean()


# Invariance: what must not matter.


@pytest.mark.parametrize(
    "change",
    [
        {"flight": 1},
        {"flight": 9999},
        {"tailnum": "N12345"},
        {"previous_leg_delay": None},
    ],
    ids=["flight number", "another", "tail number", "departure delay of a leg that has arrived"],
)
def test_what_is_an_identity_does_not_matter(champion, rows, change):
    """Who one is does not move the risk, only what one does."""
    arrived = rows[rows["previous_leg_arrival_delay"].notna()]
    changed = arrived.assign(**change).astype({name: arrived[name].dtype for name in change})
    np.testing.assert_array_equal(risk(champion, changed), risk(champion, arrived))


def test_the_order_of_rows_does_not_matter(champion, rows):
    """Each flight keeps its risk, wherever it is in the batch."""
    order = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_allclose(risk(champion, rows.iloc[order]), risk(champion, rows)[order], atol=SCORE_TOLERANCE)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_size_of_a_batch_does_not_matter(champion, rows, size):
    """Alone or among a thousand: the same risk."""
    few = rows.head(max(size, 70))
    parts = [risk(champion, few.iloc[start : start + size]) for start in range(0, len(few), size)]
    np.testing.assert_allclose(np.concatenate(parts), risk(champion, few), atol=SCORE_TOLERANCE)


def test_the_order_of_columns_does_not_matter(champion, rows):
    """Columns go by name."""
    np.testing.assert_array_equal(risk(champion, rows[rows.columns[::-1]]), risk(champion, rows))


# Direction: which way the risk goes.


@pytest.mark.parametrize("later", [1.0, 15.0, 60.0, 240.0])
@pytest.mark.parametrize("column", ["previous_leg_arrival_delay", "previous_leg_delay"])
def test_a_longer_inbound_delay_never_lowers_the_risk(champion, rows, column, later):
    """For every single flight, by any number of minutes, whether the aircraft has arrived or not."""
    delayed = risk(champion, rows.assign(**{column: rows[column] + later}))
    assert (delayed >= risk(champion, rows) - SCORE_TOLERANCE).all()


def test_without_the_constraint_it_would(trained, rows, environment):
    """Planted: the same trees without the constraint lower the risk of some flights that come in later."""
    from flights import model
    from pipelines.rows import features_of

    environment.setenv("DATA_DIR", str(trained))
    train = labelled_rows(Settings(), "train")
    free = model.build_model(model.CANDIDATE, 0).set_params(trees__monotonic_cst=None, trees__max_iter=60)
    free.fit(features_of(train), targets(train))
    later = rows.assign(previous_leg_arrival_delay=rows["previous_leg_arrival_delay"] + 15)
    before, after = (free.predict_proba(features_of(each))[:, 1] for each in (rows, later))
    assert (after < before - 1e-6).any()


MORE_DELAY = {"backlog_origin": 30.0, "overdue_1h_origin": 0.4, "overdue_3h_all": 0.3}


def risk_rises(champion, rows, column, by):
    """Whether more delay in one column alone raises the mean risk."""
    now = rows[column].fillna(0.0)
    raised, plain = (risk(champion, rows.assign(**{column: value})).mean() for value in (now + by, now))
    return raised > plain + 0.005


@pytest.mark.parametrize(("column", "by"), MORE_DELAY.items())
def test_a_fuller_airport_is_more_risk(champion, rows, column, by):
    """More delay around it is more risk on average; planted: a model that takes every risk for its opposite."""
    contrary = replace(champion, score=lambda columns: 1 - champion.score(columns))
    assert risk_rises(champion, rows, column, by)
    assert not risk_rises(contrary, rows, column, by)


# Known input, known output.


def test_known_inputs_have_known_outputs(champion):
    """The golden rows that travel with the model answer as they did in training; rows that are changed do not."""
    golden = json.loads((champion.folder / GOLDEN_FILE).read_text())
    found = champion.score(as_columns(golden["inputs"]))
    np.testing.assert_allclose(found, golden["probabilities"], atol=1e-9)
    moved = [{**row, "overdue_3h_all": 0.9} for row in golden["inputs"]]
    assert abs(champion.score(as_columns(moved)) - found).max() > 0.01


def test_risks_differ_between_flights(champion, rows):
    """A model that says the same of all would pass every test of invariance."""
    found = risk(champion, rows)
    assert pd.Series(found).nunique() > 1000
    assert np.ptp(found) > 0.5
