"""Mislabels to practise with: real flights whose recorded outcome is made wrong in one of three ways.

The third is what no rule and no model can see: a record that contradicts nothing but the truth.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.dataset import LATE_MINUTES
from pipelines.collection.timetable import clock

PLANTED_SHARE = 0.02  # of the flights, for each kind of mistake

Rows = NDArray[np.int64]
Delays = NDArray[np.float64]


def mislabelled(source: pd.DataFrame, seed: int) -> tuple[dict[str, Rows], pd.DataFrame]:
    """Flights with wrong labels: for each kind the rows, which got the delay of a flight of the other class."""
    random = np.random.default_rng(seed)
    late = (source["arr_delay"] >= LATE_MINUTES).to_numpy()
    delays, size = source["arr_delay"].to_numpy(), round(len(source) * PLANTED_SHARE)
    rows = random.permutation(len(source))[: size * len(MISTAKES)].reshape(len(MISTAKES), size)
    changed = source
    for place, plant in zip(rows, MISTAKES.values(), strict=True):
        other = np.where(late[place], random.choice(delays[~late], size), random.choice(delays[late], size))
        changed = plant(changed, place, other)
    return dict(zip(MISTAKES, rows, strict=True)), changed


def delay_alone(source: pd.DataFrame, rows: Rows, other: Delays) -> pd.DataFrame:
    """The delay was typed wrong; the clock's time was not."""
    changed = source.copy()
    changed.loc[rows, "arr_delay"] = other
    return changed


def delay_and_time(source: pd.DataFrame, rows: Rows, other: Delays) -> pd.DataFrame:
    """The arrival time was recorded wrong, and the delay follows it."""
    changed = delay_alone(source, rows, other)
    planned = clock(source.loc[rows, "sched_arr_time"]).dt.total_seconds() / 60
    minutes = (planned + other) % 1440
    changed.loc[rows, "arr_time"] = minutes // 60 * 100 + minutes % 60
    return changed


def everything(source: pd.DataFrame, rows: Rows, other: Delays) -> pd.DataFrame:
    """Departure and arrival moved alike, as if it were another flight's record: no time contradicts another."""
    changed = delay_and_time(source, rows, other)
    shift = other - source.loc[rows, "arr_delay"]
    changed.loc[rows, "dep_delay"] += shift
    minutes = (clock(source.loc[rows, "dep_time"]).dt.total_seconds() / 60 + shift) % 1440
    changed.loc[rows, "dep_time"] = minutes // 60 * 100 + minutes % 60
    return changed


MISTAKES: dict[str, Callable[[pd.DataFrame, Rows, Delays], pd.DataFrame]] = {
    "delay alone": delay_alone,
    "delay and arrival time": delay_and_time,
    "the whole record": everything,
}
