"""Features are few, row-wise and stateless, and know the local clock without being told."""

import numpy as np
import pandas as pd
import pytest

from flights import features
from flights.artifacts import read_parquet
from flights.dataset import INPUTS, OUTCOMES, ZONE, as_arrays
from flights.features import CATEGORIES, FEATURES, MAX_FEATURES, build_features, local_minutes, plan


@pytest.fixture(scope="module")
def columns(split_data):
    """Input columns of real rows."""
    path = next((split_data / "2_splits").glob("*/validation.parquet"))
    return as_arrays(read_parquet(path, "")[:3000])


def test_there_are_at_most_forty_features(columns):
    """The budget holds for what the model sees."""
    assert len(build_features(columns)) == len(FEATURES) <= MAX_FEATURES


@pytest.mark.ml_test_score("D4")
def test_features_read_inputs_only():
    """No feature can be declared over a column that is not an input."""
    read = {parameter for _, _, parameters in plan() for parameter in parameters}
    assert read <= {column.name for column in INPUTS}
    assert not read & {column.name for column in OUTCOMES}


@pytest.mark.exhibit
def test_every_input_is_read_or_is_an_identity():
    """No caller has to send what nobody uses."""
    read = {parameter for _, _, parameters in plan() for parameter in parameters}
    assert {column.name for column in INPUTS} - read == {"flight", "tailnum"}


@pytest.mark.ml_test_score("D7")
def test_features_are_row_wise(columns):
    """A row's features are the same alone, in a batch and in another order."""
    together = build_features(columns)
    backwards = build_features({name: values[::-1] for name, values in columns.items()})
    for row in range(0, 3000, 500):
        alone = build_features({name: values[row : row + 1] for name, values in columns.items()})
        for name in together:
            np.testing.assert_array_equal(alone[name], together[name][row : row + 1])
            np.testing.assert_array_equal(alone[name], backwards[name][::-1][row : row + 1])


def test_features_leave_their_inputs_alone(columns):
    """Nothing is written in place."""
    before = {name: values.copy() for name, values in columns.items()}
    build_features(columns)
    for name, values in before.items():
        np.testing.assert_array_equal(columns[name], values)


@pytest.mark.exhibit
def test_all_but_categories_are_numbers(columns):
    """Trees and tables need nothing else."""
    for name, values in build_features(columns).items():
        assert values.dtype == (object if name in CATEGORIES else np.float64), name


@pytest.mark.ml_test_score("D6")
def test_a_feature_is_one_function_and_one_entry(columns, monkeypatch):
    """Adding one needs no other change."""

    def feels_like(temperature, wind_speed):
        return temperature - wind_speed / 2

    monkeypatch.setattr(features, "FEATURES", (*FEATURES, feels_like))
    monkeypatch.setattr(features, "plan", plan.__wrapped__)
    built = build_features(columns)["feels_like"]
    np.testing.assert_array_equal(built, columns["temperature"] - columns["wind_speed"] / 2)


def test_the_local_clock_is_right_through_both_changes():
    """Every quarter of an hour of 2013, and of the years around it, against pandas."""
    times = np.arange("2012-01-01", "2015-01-01", 15, dtype="datetime64[m]").astype("datetime64[us]")
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(ZONE).tz_localize(None)
    np.testing.assert_array_equal(local_minutes(times), local.to_numpy("datetime64[m]").astype(np.int64))


def test_far_away_times_have_the_nearest_offset():
    """No year breaks the look-up."""
    times = np.array(["1970-01-01T12:00", "2999-01-01T12:00"], dtype="datetime64[us]")
    np.testing.assert_array_equal(features.minute_of_day(times), [7 * 60.0, 7 * 60.0])


@pytest.mark.exhibit
def test_weekday():
    """1 November 2013 was a Friday, in New York until 4 o'clock UTC on the next day."""
    times = np.array(["2013-11-01T12:00", "2013-11-02T03:59", "2013-11-02T04:00"], dtype="datetime64[us]")
    np.testing.assert_array_equal(features.weekday(times), [4.0, 4.0, 5.0])


@pytest.mark.exhibit
def test_turnaround_slack():
    """Out two hours, back two hours, five hours in all: one hour is left, less the delay; arrival counts if known."""
    hours, minutes = np.array([5.0, 5.0, np.nan]), np.array([120.0, 120.0, np.nan])
    slack = features.turnaround_slack(hours, minutes, np.array([10.0, 10.0, np.nan]), np.array([np.nan, 25.0, np.nan]))
    np.testing.assert_array_equal(slack, [50.0, 35.0, np.nan])
