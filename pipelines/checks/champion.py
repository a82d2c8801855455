"""Gate check: the candidate is not worse than the champion."""

from flights.resampling import Interval
from pipelines.check import COMPARED, Criterion, Evidence

INTERVAL_WIDTH = 3.92  # of a 95 % interval, in standard errors


def champion(evidence: Evidence) -> str:
    """Fail a candidate that is behind the champion by more than one standard error: small losses would add up."""
    if evidence.champion is None or evidence.champion_unloadable:
        return evidence.not_comparable
    margins = evidence.margins["champion"]
    return " and ".join(f"the margin in {name} is {margins[name]}" for name in COMPARED if is_behind(margins[name]))


def is_behind(margin: Interval) -> bool:
    """Whether a margin is below zero by more than one standard error, or NaN."""
    return not (margin.high >= 0 and margin.value >= (margin.low - margin.high) / INTERVAL_WIDTH)


CRITERIA = (Criterion("champion", "It is not worse than the champion by more than one standard error.", champion),)
