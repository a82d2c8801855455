"""Features are few, row-wise and stateless, and read inputs only."""

import numpy as np
import pytest

from flights import feature_set, features
from flights.artifacts import read_parquet
from flights.contract import as_arrays
from flights.dataset import INPUTS, OUTCOMES
from flights.feature_set import build_features, plan
from flights.features import CATEGORIES, FEATURES


@pytest.fixture(scope="module")
def columns(split_data):
    """Input columns of real rows."""
    path = next((split_data / "2_splits").glob("*/validation.parquet"))
    return as_arrays(read_parquet(path, "")[:3000])


def test_there_are_at_most_forty_features(columns):
    """The budget holds for what the model sees."""
    assert len(build_features(columns)) == len(FEATURES) <= 40


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


def test_all_but_categories_are_numbers(columns):
    """Trees and tables need nothing else."""
    for name, values in build_features(columns).items():
        assert values.dtype.kind in ("O" if name in CATEGORIES else "fi"), name


@pytest.mark.ml_test_score("D6")
def test_a_feature_is_one_function_and_one_entry(columns, monkeypatch):
    """Adding one needs no other change."""

    def feels_like(temperature, wind_speed):
        return temperature - wind_speed / 2

    monkeypatch.setattr(features, "FEATURES", (*FEATURES, feels_like))
    monkeypatch.setattr(feature_set, "plan", plan.__wrapped__)
    built = build_features(columns)["feels_like"]
    np.testing.assert_array_equal(built, columns["temperature"] - columns["wind_speed"] / 2)
