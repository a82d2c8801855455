import numpy as np
import pandas as pd

from monitoring.check import is_firing, out_of_range
from monitoring.checks.categories import checks, unseen_categories
from monitoring.checks.drift import TEXTS
from tests.monitoring.conftest import view_of

NAME = TEXTS[-1]
Parts = tuple[pd.DataFrame, pd.DataFrame]


def test_unseen_categories_fire(months: Parts):
    """A text that the reference never saw, in a twentieth of the rows; a clean month has hardly any."""
    reference, live = months
    opened = live.assign(**{NAME: live[NAME].where(np.arange(len(live)) % 20 > 0, "never seen")})
    assert not is_firing(unseen_categories(reference, live)).any()
    assert is_firing(unseen_categories(reference, opened)).any()


def test_one_row_of_forty_is_too_few_to_fire(months: Parts):
    """Planted: forty rows a day, of which one has an unseen text: 2.5 %, but of too few rows."""
    reference, live = months
    live = live.groupby("day").head(40)
    first = ~live["day"].duplicated()
    check = checks(view_of(live.assign(**{NAME: live[NAME].where(~first, "never seen")}), reference))[0]
    assert check.values.max() > check.high
    assert not out_of_range(check).any()
