"""The outcomes themselves: do they come, in time, for what was asked, and do they agree with their own moment.

That moment is the one at which an outcome first became known: what is corrected later must still agree with it.
"""

from typing import Any

import pandas as pd

from flights.dataset import OUTCOME, outcome_hours
from monitoring.check import Check
from monitoring.outcomes import local_day
from monitoring.view import View

CONTRADICTION_MINUTES = 30.0  # between an outcome and the moment at which it became known
MAX_CONTRADICTIONS = 0.03  # share of the outcomes of a day
MAX_UNASKED = 0.03  # share of a day's outcomes that belong to no prediction
MAX_EXPIRED = 0.25  # share of a day's rows without an outcome; one day of storms has more, three in a row have not
MAX_DELAY_HOURS = 6.0  # median from the event to its outcome; 2.8 on clean days
MIN_ROWS = 35  # of a day, below which one outcome alone is more than these shares allow


def checks(view: View) -> list[Check]:
    """Delay, missing outcomes, contradictions, and outcomes without a prediction."""
    over = view.rows[view.rows["past_watermark"]]
    labelled = over[over["state"] == "labelled"]
    wait = (labelled["known_at"] - labelled["event_time"]).dt.total_seconds() / 3600
    claimed = outcome_hours(view.inputs.reindex(labelled.index).assign(**{OUTCOME: labelled[OUTCOME]}))
    contradictory = (wait - claimed).abs() > CONTRADICTION_MINUTES / 60
    expired = (over["state"] == "expired").astype(float).groupby(over["day"]).mean()
    unasked = ~view.outcomes["request_id"].astype(object).isin(view.rows["request_id"].astype(object))
    known_on = local_day(view.outcomes["known_at"])
    return [
        Check("label delay", "labels", "h", wait.groupby(labelled["day"]).median(), high=MAX_DELAY_HOURS),
        Check("without outcome", "labels", "share", expired, high=MAX_EXPIRED),
        share_of("contradictory outcomes", "labels", contradictory, labelled["day"], MAX_CONTRADICTIONS),
        share_of("outcomes without prediction", "rejected", unasked, known_on, MAX_UNASKED),
    ]


def share_of(name: str, cause: str, found: "pd.Series[bool]", days: "pd.Series[Any]", limit: float) -> Check:
    """Share of a day's outcomes for which something was found."""
    daily = found.astype(float).groupby(days)
    return Check(name, cause, "share", daily.mean(), high=limit, rows=daily.size(), min_rows=MIN_ROWS)
