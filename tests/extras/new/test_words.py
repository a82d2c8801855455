"""The example's words are exchanged, and code is not."""

import pytest

from extras.new.roles import Rejected
from extras.new.words import project_text, with_constant


def test_a_constant_that_is_not_there_stops_the_command():
    """Planted: a module without it."""
    with pytest.raises(Rejected, match="no constant LIMIT"):
        with_constant("OTHER = 1\n", "LIMIT", "2", "why")
    assert with_constant("LIMIT = (\n    1\n)\nA = 1\n", "LIMIT", "2", "why") == "# why\nLIMIT = 2\nA = 1\n"


def test_words_are_exchanged_and_code_is_not():
    """The package's name, the example's words, and a loop variable that looks like a phrase."""
    text = "from flights import model\nfor flight in flight.items(): pass  # bytes in flight, 2013\n"
    assert project_text(text, "churn", ["model"]) == (
        "from churn import model\nfor row in row.items(): pass  # bytes in progress, 2019\n"
    )
