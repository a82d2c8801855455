"""The table of checks is whole, and names tests that exist."""

import pytest

from drills import score_card
from drills.checks import CHECKS, SECTIONS, named


def test_there_are_seven_checks_in_each_of_four_sections():
    """As in the paper."""
    assert [check.key for check in CHECKS] == [f"{letter}{number}" for letter in SECTIONS for number in range(1, 8)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_what_a_check_names_exists(check):
    """Every test that is named is there, or the card would count what nobody runs."""
    assert [node for node in check.nodes if not score_card.is_there(node)] == []


def test_a_name_that_is_not_there_is_found():
    """Planted: a test that nobody wrote, and a file that nobody made."""
    assert not any(map(score_card.is_there, named("flights/dataset:nothing_of_the_kind", "flights/nowhere:targets")))
    assert all(map(score_card.is_there, named("flights/dataset:targets")))
