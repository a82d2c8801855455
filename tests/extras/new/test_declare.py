"""A guess becomes a declaration with its reason."""

from extras.new.declare import column
from extras.new.infer import Guess


def test_a_column_is_declared_with_its_reason():
    """Range, nullability, and the mark."""
    line = column(Guess("Fee €", "fee", "number", 1.5, (0.0, 9.0), nullable=True, review="seen from 1 to 6"))
    assert line.splitlines()[0].strip() == "# REVIEW: seen from 1 to 6"
    assert 'Column("fee", "number", "Fee €", "prediction", 1.5, minimum=0, maximum=9, nullable=True),' in line
