"""Rows hold from one minute until before another, and sums over them are exact."""

import numpy as np
import pytest

from flights.extras.feature_views.windows import MISSING_MINUTE, holding, mean_at, newest, sums_at, until_next


def test_a_row_holds_from_its_minute_until_before_the_next():
    """An entity without a row, or before its first one, has none; neither has one that is not known."""
    entity, since = np.array([0, 0, 2]), np.array([10, 20, 5])
    asked = np.array([0, 0, 0, 0, 1, 2, -1, 3])
    found = holding(entity, since, asked, np.array([9, 10, 19, 20, 99, 5, 99, 99]))
    np.testing.assert_array_equal(found, [-1, 0, 0, 1, -1, 2, -1, -1])
    np.testing.assert_array_equal(until_next(entity, since), [20, MISSING_MINUTE, MISSING_MINUTE])


def test_nothing_holds_without_rows():
    """An empty store answers, too."""
    empty = np.empty(0, np.int64)
    assert holding(empty, empty, np.array([0]), np.array([5])).tolist() == [-1]
    assert until_next(empty, empty).tolist() == []
    assert mean_at(empty, empty, empty, np.empty(0), np.array([0]), np.array([5])).tolist() != [0.0]


def test_an_amount_counts_from_its_minute_until_before_its_end():
    """Only for its group; one that ends before it begins, or belongs to no group, never counts."""
    groups, since, until = np.array([0, 0, 1, 0, -1]), np.array([10, 15, 10, 30, 1]), np.array([20, 99, 40, 30, 99])
    amounts = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    asked = np.array([0, 0, 0, 0, 1, 2])
    minutes = np.array([9, 10, 19, 20, 12, 12])
    np.testing.assert_array_equal(
        sums_at(groups, since, until, [amounts], asked, minutes)[0], [0.0, 1.0, 3.0, 2.0, 4.0, 0.0]
    )


@pytest.mark.parametrize("amount", [0.5, 1e-9, np.nan])
def test_amounts_that_are_not_whole_are_rejected(amount):
    """Planted: their sum would depend on what else was summed, in the last bits."""
    one = np.array([0])
    with pytest.raises(ValueError, match="whole"):
        sums_at(one, one, one + 9, [np.array([amount])], one, one)


def test_a_version_that_is_older_than_one_before_it_does_not_count():
    """By entity: the first counts, the second is older, the third replaces the first."""
    entity, since, known = np.array([0, 0, 0, 1]), np.array([10, 20, 30, 15]), np.array([10, 5, 30, 1])
    assert newest(entity, since, known).tolist() == [0, 2, 3]
