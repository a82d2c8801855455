"""What evaluation expected of the model, and the newest two weeks whose outcomes are known: fields, no alarms."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from flights.dataset import INPUTS
from flights.evaluation import metrics
from flights.ranking import RankedPredictions, rank
from flights.resampling import Interval, intervals, resampled_metrics
from monitoring.checks.performance import windows
from monitoring.view import View

MIN_ROWS = 400  # of a slice in two weeks; with fewer its metrics are noise
RESAMPLES = 200


def details(view: View) -> dict[str, Any]:
    """Each metric and each slice's metric, expected and now."""
    newest = windows(view.rows)[-1:]
    if not newest:
        return {"expectations": [], "slices": []}
    window = newest[0][1]
    sliced = [column.name for column in INPUTS if column.categories]
    by_slice = window.join(view.inputs[sliced])
    return {
        "expectations": compared(view.model.expected, metrics_now(window)),
        "slices": compared_slices(view.model.expected_slices, by_slice),
    }


def metrics_now(window: pd.DataFrame, seed: int = 0) -> dict[str, Interval]:
    """The metrics of a window, with intervals over resampled days."""
    ranked = ranked_window(window)
    return intervals(metrics(ranked), resampled_metrics(ranked, window["day"].to_numpy(), seed, resamples=RESAMPLES))


def ranked_window(window: pd.DataFrame) -> RankedPredictions:
    """A window's predictions in order, with the threshold that was used last."""
    threshold = float(window["threshold"].iloc[-1])
    return rank(window["target"].to_numpy(), window["probability"].to_numpy(), threshold)


def compared(expected: Mapping[str, Mapping[str, float]], now: Mapping[str, Interval]) -> list[dict[str, Any]]:
    """Each metric as evaluation expected it and as it is now; within if the intervals overlap."""
    return [
        {
            "metric": name,
            "expected": dict(expected[name]),
            "now": {"value": found.value, "low": found.low, "high": found.high},
            "within": found.low <= expected[name]["high"] and expected[name]["low"] <= found.high,
        }
        for name, found in now.items()
        if name in expected
    ]


def compared_slices(expected: Sequence[Mapping[str, Any]], window: pd.DataFrame) -> list[dict[str, Any]]:
    """Each slice by a column that evaluation measured, as expected and in a window; bands are left out.

    Parameters
    ----------
    expected
        `kind` is a column, `name` its value, `figures` the intervals by metric.
    """
    found = []
    for each in expected:
        part = window[window[each["kind"]] == each["name"]] if each["kind"] in window else window.head(0)
        if len(part) >= MIN_ROWS and part["target"].nunique() == 2:
            now = metrics(rank(part["target"].to_numpy(), part["probability"].to_numpy()))
            found += [
                {
                    "slice": f"{each['kind']} {each['name']}",
                    "metric": name,
                    "expected": dict(figure),
                    "now": now[name],
                    "within": figure["low"] <= now[name] <= figure["high"],
                }
                for name, figure in each["figures"].items()
            ]
    return found
