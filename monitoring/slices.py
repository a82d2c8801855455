"""Whether one part of the flights is predicted worse than the others: quality by slice, two weeks at a time.

A storm or a new season moves all slices together, so each one's bias is held against that of the others; how far a
slice strays from them on its own is measured on the reference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from flights.dataset import INPUTS
from flights.evaluation import metrics
from flights.ranking import rank
from monitoring.watch import Watch

DAYS = 14  # as for all of the flights
SLICED = tuple(column.name for column in INPUTS if column.categories)
FEWEST_ROWS = 400  # of a slice in two weeks; with fewer its bias is noise
MOST_APART = 1.5  # times the two weeks of the reference in which a slice was furthest from the rest; 1.1 on clean days
SMALLEST_APART = 0.03  # of bias, which a slice that never differed must reach


def slice_watch(reference: pd.DataFrame, rows: pd.DataFrame) -> Watch:
    """How far the slice that is furthest from the others is from them; both frames have `day`, `target` and inputs."""
    usual, now = biases_apart(reference), biases_apart(rows)
    most = (usual - usual.median()).abs().max() + SMALLEST_APART
    apart = ((now - usual.median()).abs() / most).max(axis=1)
    return Watch("one slice apart", "slice", "times the usual", apart, high=MOST_APART)


def biases_apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Each slice's bias less that of all flights, over the two weeks that end on each day; one column a slice."""
    error = (rows["probability"] - rows["target"]).rename("error")
    total = _two_weeks(error.groupby(rows["day"]).agg(["sum", "size"]))
    found = {}
    for name in SLICED:
        for value, part in error.groupby(rows[name]):
            sums = _two_weeks(part.groupby(rows["day"]).agg(["sum", "size"])).reindex(total.index)
            bias = (sums["sum"] / sums["size"]).where(sums["size"] >= FEWEST_ROWS)
            found[f"{name} {value}"] = bias - total["sum"] / total["size"]
    return pd.DataFrame(found, index=total.index)


def _two_weeks(daily: pd.DataFrame) -> pd.DataFrame:
    return daily.rolling(f"{DAYS}D").sum()


def slice_promises(promised: Sequence[Mapping[str, Any]], window: pd.DataFrame) -> list[dict[str, Any]]:
    """Each slice that evaluation measured, as promised and in a window; by columns only, not by bands.

    Parameters
    ----------
    promised
        `kind` is a column, `name` its value, `figures` the intervals by metric.
    """
    found = []
    for each in promised:
        part = window[window[each["kind"]] == each["name"]] if each["kind"] in window else window.head(0)
        if len(part) >= FEWEST_ROWS and part["target"].nunique() == 2:
            now = metrics(rank(part["target"].to_numpy(), part["probability"].to_numpy()))
            found += [
                {
                    "slice": f"{each['kind']} {each['name']}",
                    "metric": name,
                    "promised": dict(figure),
                    "now": now[name],
                    "kept": figure["low"] <= now[name] <= figure["high"],
                }
                for name, figure in each["figures"].items()
            ]
    return found
