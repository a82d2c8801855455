"""Distances between two samples of a column."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAY_ROWS = 100  # rows of one day, evenly spaced, that stand for it in the past

Values = NDArray[Any]


def distance(past: Values, current: Values, std: float = 1.0) -> float:
    """How far apart two samples are: Wasserstein in standard deviations, Jensen-Shannon for text."""
    if not (len(past) and len(current)):
        return float("nan")
    if past.dtype == object:
        return jensen_shannon(Counter(past), Counter(current))
    return wasserstein(past, current) / std


def wasserstein(past: Values, current: Values) -> float:
    """Area between the two cumulative distributions."""
    both = np.concatenate([past, current])
    order = np.argsort(both, kind="stable")
    below = np.cumsum(order < len(past))[:-1]  # of equal values only the last counts: the others are 0 wide
    gaps = below / len(past) - (np.arange(1, len(both)) - below) / len(current)
    return float(np.abs(gaps) @ np.diff(both[order]))


def jensen_shannon(past: Counter[str], current: Counter[str]) -> float:
    """Root of the mean divergence of two distributions from the one between them, in nats; at most 0.83."""
    shares = np.array([[counts[name] for name in past | current] for counts in (past, current)], np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    ratio = np.divide(shares, shares.mean(axis=0), out=np.ones_like(shares), where=shares > 0)
    return float(np.sqrt(max(np.sum(shares * np.log(ratio)) / 2, 0.0)))


def thinned(values: Values, rows: int = DAY_ROWS) -> Values:
    """At most `rows` of the values, evenly spaced."""
    return np.asarray(values[np.linspace(0, len(values) - 1, min(rows, len(values))).astype(int)])
