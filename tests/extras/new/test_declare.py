"""A guess becomes a declaration with its reason."""

import numpy as np
import pytest

from extras.new.declare import FUNCTIONS, column
from extras.new.infer import Guess
from extras.new.names import clean_names


def test_a_column_is_declared_with_its_reason():
    """Range, nullability, and the mark."""
    line = column(Guess("Fee €", "fee", "number", 1.5, (0.0, 9.0), nullable=True, review="seen from 1 to 6"))
    assert line.splitlines()[0].strip() == "# REVIEW: seen from 1 to 6"
    assert 'Column("fee", "number", "Fee €", "prediction", 1.5, minimum=0, maximum=9, nullable=True),' in line


@pytest.mark.parametrize("column", ["np", "local minutes", "pd", "days", "Times", "numbers"])
def test_a_column_never_hides_what_a_feature_calls(column):
    """Injected: columns that are called like modules and functions; each feature of two times can be computed."""
    (name,) = clean_names([column])
    moments = np.array(["2024-01-08T10:30", "NaT"], "datetime64[us]")
    module = {"np": np, "local_minutes": lambda times: np.array([630]), "Times": None, "Numbers": None}
    exec("\n\n".join(each.format(time=name, name="other", age="age") for each in FUNCTIONS.values()), module)
    assert module["minute_of_day"](moments[:1]).tolist() == [630.0]
    assert module["age"](moments, moments - np.timedelta64(3, "D"))[0] == 3
    exec(FUNCTIONS["age"].format(time="event", name=name, age="age"), module)
    assert module["age"](moments, moments)[0] == 0
