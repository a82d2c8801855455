import numpy as np
import pandas as pd

from monitoring.check import is_firing, out_of_range
from monitoring.checks.categories import checks, unseen_categories
from tests.monitoring.conftest import view_of


def test_unseen_categories_fire(autumn: pd.DataFrame):
    """A destination that the reference never saw, in a twentieth of the flights; a clean month has hardly any."""
    reference, live = autumn[autumn["day"] < "2013-11-01"], autumn[autumn["day"] >= "2013-11-01"]
    opened = live.assign(dest=live["dest"].where(np.arange(len(live)) % 20 > 0, "XYZ"))
    assert not is_firing(unseen_categories(reference, live)).any()
    assert is_firing(unseen_categories(reference, opened)).any()


def test_one_row_of_forty_is_too_few_to_fire(autumn: pd.DataFrame):
    """Planted: forty flights a day, of which one has an unseen destination: 2.5 %, but of too few rows."""
    live = autumn[autumn["day"] >= "2013-11-01"].groupby("day").head(40)
    first = ~live["day"].duplicated()
    check = checks(view_of(live.assign(dest=live["dest"].where(~first, "XYZ")), autumn))[0]
    assert check.values.max() > check.high
    assert not out_of_range(check).any()
