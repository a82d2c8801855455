"""What counts as another input, and which predictions are by key; the planted failures are with the feature store."""

import numpy as np
import pandas as pd
import pytest

from monitoring.checks.features import BY_KEY, by_key, has_store, other_bits

NO = np.zeros(1, bool)


@pytest.mark.parametrize(
    ("expected", "logged", "expired", "differs"),
    [
        (1.0, 1.0, False, False),
        (np.nan, np.nan, False, False),
        (0.1 + 0.2, 0.3, False, True),
        (1.0, np.nan, False, True),
        (np.nan, 1.0, False, True),
        (1.0, np.nan, True, False),
        (1.0, 1.0, True, True),
    ],
)
def test_a_value_is_the_same_only_to_the_bit(expected, logged, expired, differs):
    """Missing equals missing, and an expired value has to be missing."""
    assert other_bits(np.array([expected]), np.array([logged]), np.array([expired])).tolist() == [differs]


def test_texts_and_times_are_compared_as_they_are():
    """Neither can expire."""
    texts = np.array(["EWR"], object)
    assert other_bits(texts, np.array(["JFK"], object), NO).tolist() == [True]
    assert other_bits(texts, texts, NO).tolist() == [False]


def test_a_request_id_tells_the_key_the_tick_and_the_age():
    """Others are not by key."""
    found = BY_KEY.fullmatch("2013-11-01-UA-523-EWR:20131101T2355Z-15")
    assert found is not None
    assert found.groups() == ("2013-11-01-UA-523-EWR", "20131101T2355Z", "15")
    assert BY_KEY.fullmatch("2013-11-01-UA-523-EWR") is None


def test_looking_for_a_store_makes_none(tmp_path):
    """A file appears only when a server writes."""
    assert not has_store(f"sqlite:///{tmp_path}/features.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "chosen", ["x:20139999T9999Z", "x:20130230T0000Z", "x:20130101T0000Z-9999999999999999999", "x"]
)
def test_an_id_that_a_client_chose_names_no_tick(chosen):
    """Injected next to a prediction by key, which is found all the same."""
    ours = "2013-11-01-UA-523-EWR:20131101T2355Z-15"
    found = by_key(pd.DataFrame({"request_id": [chosen, ours]}))
    assert found.index.tolist() == [1]
    assert found.loc[1, ["key", "age"]].tolist() == ["2013-11-01-UA-523-EWR", "15"]
