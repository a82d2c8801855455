"""What held at a minute, and sums of it by group; times are whole minutes since 1970, UTC.

Each row holds from one minute until before another, so any window at any moment is one look-up. Amounts are whole
numbers: their sums are exact, so the same bits come out whatever else was summed.
"""

import numpy as np
from numpy.typing import NDArray

MISSING_MINUTE = 2**31 - 1  # after everything: it never happened
SPAN = 2**31  # minutes of one group

Minutes = NDArray[np.int64]
Numbers = NDArray[np.float64]


def holding(entity: Minutes, since: Minutes, asked: Minutes, minutes: Minutes) -> Minutes:
    """Place of the last row of each entity asked that begins by a minute, -1 without one; rows are sorted by both."""
    place = np.searchsorted(entity * SPAN + since, asked * SPAN + minutes, side="right") - 1
    return np.where((asked >= 0) & (np.append(entity, -1)[place] == asked), place, -1)


def until_next(entity: Minutes, since: Minutes) -> Minutes:
    """When the next row of the same entity begins, for rows sorted by both."""
    same = np.append(entity[1:] == entity[:-1], np.zeros(min(len(entity), 1), bool))
    return np.where(same, np.roll(since, -1), MISSING_MINUTE)


def newest(entity: Minutes, since: Minutes, *order: Minutes) -> Minutes:
    """Rows by entity and beginning, without those that an earlier row of the entity outranks in `order`."""
    rank = np.empty(len(entity), np.int64)
    rank[np.lexsort(order[::-1])] = np.arange(len(entity))
    rows = np.lexsort((rank, since, entity))
    rows = rows[entity[rows] >= 0]
    key = entity[rows] * SPAN + rank[rows]
    kept: Minutes = rows[np.maximum.accumulate(key) == key]
    return kept


def sums_at(
    groups: Minutes, since: Minutes, until: Minutes, amounts: list[Numbers], asked: Minutes, minutes: Minutes
) -> list[Numbers]:
    """Sums of the amounts of a group that hold at a minute, for each group and minute asked.

    Raises
    ------
    ValueError
        An amount is not a whole number.
    """
    kept = np.flatnonzero((groups >= 0) & (since < until))
    keys = np.concatenate([groups[kept] * SPAN + since[kept], groups[kept] * SPAN + until[kept]])
    order = np.argsort(keys)  # of equal keys any order gives the same sums
    place = np.searchsorted(keys[order], asked * SPAN + minutes, side="right")
    sums = []
    for amount in amounts:
        if not (amount[kept] % 1 == 0).all():
            raise ValueError("expected whole amounts: their sum then has the same bits in any order")
        sums.append(np.append(0.0, np.cumsum(np.append(amount[kept], -amount[kept])[order]))[place])
    return sums


def mean_at(
    groups: Minutes, since: Minutes, until: Minutes, amounts: Numbers, asked: Minutes, minutes: Minutes
) -> Numbers:
    """Mean of the amounts of a group that hold at a minute; missing if there are none."""
    total, count = sums_at(groups, since, until, [amounts, np.ones(len(amounts))], asked, minutes)
    mean: Numbers = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return mean


def count_holding(first: Minutes, last: Minutes, since: Minutes, until: Minutes, minutes: Minutes) -> Numbers:
    """How many of the rows from `first` until before `last` hold at a minute, for each range asked."""
    count = last - first
    asked = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(asked)) - (np.cumsum(count) - count - first)[asked]
    held = (since[row] <= minutes[asked]) & (minutes[asked] < until[row])
    return np.bincount(asked, held, len(count)).astype(np.float64)
