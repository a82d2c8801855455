"""Whether requests hold categories that the reference does not know."""

import pandas as pd

from monitoring.check import Check
from monitoring.checks.drift import TEXTS, known_texts
from monitoring.view import View

MAX_UNSEEN = 0.02  # share of a day's rows with an unseen category; at most 0.01 on clean days
MIN_ROWS = 50  # of a day, below which one row alone is more than that


def checks(view: View) -> list[Check]:
    """Share of a day's rows with an unseen category."""
    return [unseen_categories(view.model.reference, view.full_days)]


def unseen_categories(reference: pd.DataFrame, live: pd.DataFrame) -> Check:
    """Share of a day's rows in which some text is not in the reference."""
    known = known_texts(reference)
    unseen = pd.DataFrame({name: live[name].notna() & ~live[name].isin(known[name]) for name in TEXTS}, live.index)
    daily = unseen.any(axis=1).astype(float).groupby(live["day"])
    return Check(
        "unseen categories", "drift", "share", daily.mean(), high=MAX_UNSEEN, rows=daily.size(), min_rows=MIN_ROWS
    )
