"""Check in seconds, before training, whether the data can be trained and monitored: `make doctor`.

A problem that stops training or makes its result worthless fails; what only limits what can be said is a warning.
"""

import re
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from flights.artifacts import read_parquet
from flights.config import CADENCE_DAYS, GAP_DAYS, WATERMARK_HOURS, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOME_TIME, ROW_KEY, targets
from flights.feature_set import build_features
from flights.features import HEURISTIC, HEURISTIC_BANDS
from flights.files import VALID_FILE
from pipelines.rows import between, labelled, periods

MIN_OF_CLASS = 10  # positive rows, and negative ones, without which nothing can be measured
FEW_OF_CLASS = 50  # below which metrics, slices and limits mean little
MIN_DAYS = 5  # different days of a part: the intervals resample days
PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}|(?:\+|00)[1-9][\d ()/-]{7,16}")

Problem = tuple[bool, str]  # whether it stops training, and what it is


def main() -> None:
    """Print every problem; exit with 1 if one of them stops training."""
    settings = Settings.read()
    rows = read_parquet(settings.raw_dir / VALID_FILE, "run `make validate`")
    parts = {name: between(rows, period) for name, period in periods(settings.as_of).items()}
    problems = [*problems_of_rows(rows), *problems_of_parts(parts), *problems_of_delay(rows)]
    problems += problems_of_heuristic(rows)
    for stops, text in problems:
        print(f"doctor    {'FAIL' if stops else 'warning'}: {text}")
    failed = sum(stops for stops, _ in problems)
    print(f"doctor    {failed} problems, {len(problems) - failed} warnings in {len(rows):,} rows")
    sys.exit(bool(failed))


def problems_of_rows(rows: pd.DataFrame) -> Iterator[Problem]:
    """Targets, missing values and keys."""
    known = targets(rows)
    known = known[~np.isnan(known)]
    if not np.isin(known, (0, 1)).all() or len(np.unique(known)) < 2:
        yield True, f"targets: expected 0 and 1, got {sorted(np.unique(known).tolist())}: see `targets` in dataset.py"
    for column in INPUTS:
        missing = rows[column.name].isna().mean()
        if missing and not column.nullable:
            yield True, f"{column.name}: {missing:.1%} missing; declare it nullable in dataset.py"
        if missing > 0.95:
            yield False, f"{column.name}: {missing:.1%} missing: it tells little"
    personal = 0 if ROW_KEY.personal else int(rows[KEY].str.fullmatch(PERSONAL).sum())
    if personal:
        yield (
            True,
            f"{KEY}: {personal:,} keys are addresses or numbers of persons: in dataset.py give ROW_KEY personal=True",
        )


def problems_of_parts(parts: dict[str, pd.DataFrame]) -> Iterator[Problem]:
    """Enough rows of both classes and enough days in every part; the age of the training data."""
    for name, part in parts.items():
        if name == "live":
            continue
        y = targets(labelled(part))
        rarer = int(min(y.sum(), len(y) - y.sum()))
        days = part[EVENT_TIME].dt.date.nunique()
        if rarer < MIN_OF_CLASS:
            yield (
                True,
                f"{name}: {rarer} rows of the rarer class (at least {MIN_OF_CLASS}): change the dates in config.py",
            )
        elif rarer < FEW_OF_CLASS:
            yield False, f"{name}: {rarer} rows of the rarer class; limits and slices mean little below {FEW_OF_CLASS}"
        if days < MIN_DAYS:
            yield True, f"{name}: {days} different days (at least {MIN_DAYS}): change the dates in config.py"
    if not parts["live"].empty and not parts["train"].empty:
        age = (parts["live"][EVENT_TIME].min() - parts["train"][EVENT_TIME].max()).days
        if age > 4 * CADENCE_DAYS:
            yield (
                False,
                f"the training data is {age} days old on the first live day: "
                "shorten validation and holdout in config.py",
            )


def problems_of_delay(rows: pd.DataFrame) -> Iterator[Problem]:
    """The gap between the parts is as long as a label takes."""
    delays = (rows[OUTCOME_TIME] - rows[EVENT_TIME]).dropna()
    longest = delays.max() if len(delays) else pd.Timedelta(0)
    if longest > pd.Timedelta(days=GAP_DAYS):
        yield (
            True,
            f"labels take up to {longest}, longer than GAP_DAYS={GAP_DAYS} in config.py: "
            "training would know the future",
        )
    if 24 * GAP_DAYS < WATERMARK_HOURS:
        yield (
            True,
            f"GAP_DAYS={GAP_DAYS} is shorter than WATERMARK_HOURS={WATERMARK_HOURS} in config.py: the gate would block",
        )
    if longest > pd.Timedelta(hours=WATERMARK_HOURS):
        yield True, f"labels take up to {longest}, longer than WATERMARK_HOURS={WATERMARK_HOURS} in config.py"


def problems_of_heuristic(rows: pd.DataFrame) -> Iterator[Problem]:
    """The rule to beat can be computed for every row."""
    features = build_features(as_arrays(rows.tail(20_000)))
    for name in HEURISTIC:
        if name in HEURISTIC_BANDS:
            missing = float(np.isnan(features[name].astype(float)).mean())
            if missing:
                yield (
                    True,
                    f"HEURISTIC in features.py: {name} is missing in {missing:.1%} of the rows: choose another number",
                )
        elif len(set(features[name])) > 1000:
            yield (
                True,
                f"HEURISTIC in features.py: {name} has {len(set(features[name])):,} values: choose one with fewer",
            )


if __name__ == "__main__":
    main()
