"""A text is safe in a table."""

from extras.new.pages import cell


def test_a_bar_does_not_end_a_cell():
    """Column names may hold one."""
    assert cell("a|b") == "a\\|b"
