"""Whether everybody is served alike: small carriers and rare destinations as honestly as large ones.

There are no persons in the inputs but through the tail number, which is an identity and may not be a feature. What is
left to ask is whether the probabilities mean the same for every group: their mean against the share that was late, and
whether a difference is more than the days' chance.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from extras.drills.drill_helpers import serving
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, ZONE, targets
from flights.features import CATEGORIES
from pipelines.evaluation import holdout

MIN_ROWS = 100  # of a group, below which nothing can be said
MAX_GAP = 0.05  # of mean probability and share late, beyond chance
RARE = 50  # places: the busiest this many against all others


@dataclass(frozen=True)
class Gap:
    """By how much a group's probabilities are too high (positive) or too low, and how much of that may be chance."""

    group: str
    rows: int
    gap: float
    chance: float

    @property
    def unfair(self) -> bool:
        """Whether it is more than chance, by more than may be."""
        return abs(self.gap) - self.chance > MAX_GAP


def main() -> None:
    """Ask the champion about the holdout; exit code 1 if a group is served otherwise than the rest."""
    settings = Settings()
    rows = holdout.read_holdout(settings, "inclusion")
    found = gaps(rows, serving(settings).score(as_arrays(rows)))
    for each in sorted(found, key=lambda gap: -abs(gap.gap)):
        print(f"{each.group:<24}{each.rows:>7,} rows  {each.gap:+.3f} +- {each.chance:.3f} {'!' * each.unfair}")
    sys.exit(any(each.unfair for each in found))


def gaps(rows: pd.DataFrame, probabilities: NDArray[np.float64]) -> list[Gap]:
    """The gap of every group that is large enough, against the rest of the rows."""
    errors = pd.Series(probabilities - targets(rows), rows.index)
    days = rows[EVENT_TIME].dt.tz_convert(ZONE).dt.date
    return [
        Gap(name, int(inside.sum()), *against_the_rest(errors, days, inside))
        for name, inside in groups(rows).items()
        if MIN_ROWS <= inside.sum() < len(rows)
    ]


def groups(rows: pd.DataFrame) -> dict[str, "pd.Series[bool]"]:
    """Each value of each category, and its rare values together."""
    found: dict[str, pd.Series[bool]] = {}
    for name in CATEGORIES:
        counts = rows[name].value_counts()
        found |= {f"{name} {value}": rows[name] == value for value in counts.index}
        found[f"rare {name}"] = rows[name].isin(counts.index[RARE:])
    return found


def against_the_rest(
    errors: "pd.Series[float]", days: "pd.Series[Any]", inside: "pd.Series[bool]"
) -> tuple[float, float]:
    """Mean error of a group less that of the others, and what of it may be chance: days, not rows, are the unit."""
    centred = errors - errors[~inside].mean()
    by_day = centred[inside].groupby(days[inside]).agg(["sum", "size"])
    rows = by_day["size"].sum()
    gap = by_day["sum"].sum() / rows
    spread = np.sqrt(((by_day["sum"] - gap * by_day["size"]) ** 2).sum()) / rows
    return float(gap), float(3 * spread)  # many groups are looked at: three standard errors, not two


if __name__ == "__main__":
    main()
