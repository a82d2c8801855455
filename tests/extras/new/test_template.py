"""A word of the example stops the command."""

import pytest

from extras.new import template
from extras.new.roles import Rejected


def test_a_word_that_is_left_stops_the_command(tmp_path):
    """Planted: a file with a word of the example."""
    (tmp_path / "code.py").write_text("# an airport\n")
    with pytest.raises(Rejected, match=r"words of the example are left: code.py"):
        template.check_words(tmp_path)
