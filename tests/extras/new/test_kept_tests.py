"""Tests of the example stay behind."""

from extras.new.kept_tests import kept_text, without_example


def test_marked_tests_and_tests_with_its_columns_are_left_out():
    """One test of two, a whole module, and a module that names a column."""
    two = "import pytest\n\n\ndef test_a():\n    pass\n\n\n@pytest.mark.exhibit\ndef test_b():\n    pass\n"
    assert "test_a" in without_example(two)
    assert "test_b" not in without_example(two)
    assert without_example("pytestmark = pytest.mark.exhibit\n") == ""
    assert kept_text("tests/test_x.py", "def test_c():\n    assert 'carrier'\n") == ""
