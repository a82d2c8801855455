"""What a client may send wrong, made from the contract: units, clock and columns mixed up. Shown on the card.

`make stress` plants these and more into live traffic and asks the guards; here the holdout tells what each costs.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.columns import Columns
from flights.dataset import EVENT_TIME, INPUTS, ZONE

FAHRENHEIT = [column.name for column in INPUTS if column.unit == "F"]
NUMBERS = sorted((column for column in INPUTS if column.kind == "number"), key=lambda column: not column.feed)
MIXED_UP = tuple(column.name for column in NUMBERS)[:2]  # of a feed, if there is one


def celsius(columns: Columns) -> Columns:
    """Temperatures in degrees Celsius."""
    return columns | {name: (columns[name] - 32) / 1.8 for name in FAHRENHEIT}


def local_as_utc(columns: Columns) -> Columns:
    """Local times as if they were UTC."""
    return columns | {EVENT_TIME: wall_clock(columns[EVENT_TIME])}


def swapped(columns: Columns) -> Columns:
    """Two columns exchanged."""
    one, other = MIXED_UP
    return columns | {one: columns[other], other: columns[one]}


def wall_clock(moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """What the clock on the wall shows at some moments."""
    local = pd.DatetimeIndex(moments, tz="UTC").tz_convert(ZONE).tz_localize(None)
    return np.asarray(local.to_numpy().astype(moments.dtype))


def possible() -> dict[str, Callable[[Columns], Columns]]:
    """Each corruption for which the contract declares columns."""
    found: dict[str, Callable[[Columns], Columns]] = {}
    if FAHRENHEIT:
        found["temperatures in Celsius"] = celsius
    found["local hour as UTC"] = local_as_utc
    if len(MIXED_UP) == 2:
        found[f"{' and '.join(MIXED_UP)} swapped"] = swapped
    return found


CORRUPTIONS = possible()
