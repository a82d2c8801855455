"""Whether the prediction log can be read."""

import pandas as pd

from monitoring.check import Check
from monitoring.view import View

MAX_UNREADABLE = 0.01  # share of a day's logged inputs


def checks(view: View) -> list[Check]:
    """Share of a day's predictions whose logged inputs cannot be read."""
    torn = pd.Series(~view.rows.index.isin(view.inputs.index), view.rows.index).astype(float)
    return [Check("unreadable inputs", "log", "share", torn.groupby(view.rows["day"]).mean(), high=MAX_UNREADABLE)]
