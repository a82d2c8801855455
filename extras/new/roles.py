"""The roles of a table's columns (time, target, key), checked before anything is written.

Each problem is one message: the column, how many values, and the option to give.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from extras.new.names import clean_name
from extras.new.suspects import MAX_TEXT, PRINTABLE, personal_key
from extras.new.table import Unreadable, as_times

PLENTY = 20  # different values of a target: a number, not classes
YES = {"1", "1.0", "true", "yes", "y", "t"}
NO = {"0", "0.0", "false", "no", "n", "f"}


class Rejected(ValueError):
    """The table or an option will not do; the message says what to give instead."""


@dataclass(frozen=True)
class Options:
    """What the user gave."""

    name: str
    source: Path
    time: str
    target: str
    destination: Path
    key: str = ""
    group: str = ""
    zone: str = "UTC"
    before: str = ""
    delay_days: int = 1
    url: str = ""  # of a database; `source` is then a name for it
    query: str = ""  # a table of it, or a SELECT
    extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roles:
    """The rows in the order of time, with the columns that have a role as the loop needs them."""

    rows: pd.DataFrame  # as read, without rows at or after BEFORE
    times: "pd.Series[Any]"
    targets: "pd.Series[float]"
    personal_key: str  # why the key is taken for personal; empty if it is not


def checked_roles(table: pd.DataFrame, options: Options) -> Roles:
    """Check the table and find its roles."""
    if table.empty:
        raise Rejected(f"FROM={options.source}: the table has no rows")
    for option, column in (
        ("TIME", options.time),
        ("TARGET", options.target),
        ("KEY", options.key),
        ("GROUP", options.group),
    ):
        if column or option in ("TIME", "TARGET"):
            check_column(table, option, column)
    times = checked_times(table, options)
    if options.before:
        kept = times < pd.Timestamp(options.before, tz=options.zone)
        table, times = table[kept], times[kept]
    if future := int((times > pd.Timestamp.now("UTC")).sum()):
        raise Rejected(
            f"TIME={options.time}: {future:,} of {len(times):,} rows are in the future, up to {times.max():%F}: "
            f"correct them, or leave them out with BEFORE={pd.Timestamp.now('UTC'):%F}"
        )
    if table.empty:
        raise Rejected(f"BEFORE={options.before}: no row is earlier; the first is of {times.min():%F}")
    order = times.argsort(kind="stable")
    table, times = table.iloc[order].reset_index(drop=True), times.iloc[order].reset_index(drop=True)
    return Roles(table, times, checked_targets(table[options.target], options), checked_key(table, options))


def check_column(table: pd.DataFrame, option: str, name: str) -> None:
    """A column that an option names exists, once."""
    columns = list(map(str, table.columns))
    if not name or name not in columns:
        hint = f"; {', '.join(time_columns(table)) or 'none'} could be times" if option == "TIME" else ""
        given = f"{option}={name}: no such column" if name else f"{option} is missing"
        hint += ". Without a time there are no splits by time, and no monitoring" if option == "TIME" else ""
        raise Rejected(f"{given}: give one of {', '.join(columns)}{hint}")
    if columns.count(name) > 1:
        raise Rejected(f"{option}={name}: {columns.count(name)} columns have this name; rename all but one")


def time_columns(table: pd.DataFrame) -> list[str]:
    """The columns whose first values are times."""
    found = []
    for place, name in enumerate(table.columns):
        values = table.iloc[:, place].dropna().head(200)
        if len(values) and not pd.api.types.is_bool_dtype(values):
            try:
                as_times(values)
                found.append(str(name))
            except (Unreadable, ValueError, OverflowError):
                continue
    return found


def checked_times(table: pd.DataFrame, options: Options) -> "pd.Series[Any]":
    """The moment of each row."""
    column = table[options.time]
    if missing := int(column.isna().sum()):
        raise Rejected(
            f"TIME={options.time}: {missing:,} of {len(column):,} rows have no time: "
            "remove these rows, or give another TIME"
        )
    try:
        times = as_times(column, options.zone)
    except (Unreadable, OverflowError) as error:
        others = [name for name in time_columns(table) if name != options.time]
        raise Rejected(
            f"TIME={options.time}: {error}; other columns with times: {', '.join(others) or 'none'}"
        ) from None
    if missing := int(times.isna().sum()):
        raise Rejected(
            f"TIME={options.time}: {missing:,} local times are ambiguous in ZONE={options.zone}: "
            "write them with an offset"
        )
    if times.nunique() < 10:
        raise Rejected(
            f"TIME={options.time}: only {times.nunique()} different moments; "
            "splits by time need more: give another TIME"
        )
    return times


def checked_targets(column: "pd.Series[Any]", options: Options) -> "pd.Series[float]":
    """The target as 0, 1 or NaN."""
    known = column.dropna()
    texts = known.astype("str").str.lower()
    values = sorted(set(texts))
    shown = ", ".join(sorted(set(known.astype("str")))[:5]) + (", ..." if len(values) > 5 else "")
    told = f"TARGET={options.target}: expected 0, 1 or missing, got {len(values):,} different values ({shown})"
    if not len(known):
        raise Rejected(f"TARGET={options.target}: all {len(column):,} values are missing: give another TARGET")
    if set(values) <= YES | NO:
        targets = texts.isin(YES).astype(np.float64).reindex(column.index)
        if targets.nunique() < 2:
            raise Rejected(
                f"TARGET={options.target}: all {len(known):,} known values are {shown}, and one class cannot be "
                "learned: give another TARGET, or a table with both"
            )
        return targets
    if len(values) > 2 and pd.api.types.is_numeric_dtype(known):
        if len(values) > PLENTY or (known % 1 != 0).any():
            raise Rejected(f"{told}: regression is not supported; make a column of 0 and 1, such as value >= limit")
        raise Rejected(f"{told}: several classes are not supported; make a column of 0 and 1, such as value == class")
    if len(values) > 2:
        raise Rejected(f"{told}: several classes are not supported; make a column of 0 and 1, such as value == class")
    raise Rejected(f"{told}: write the column as 0 and 1, so that 1 is the answer that you predict")


def checked_key(table: pd.DataFrame, options: Options) -> str:
    """Why the key is personal, or an empty text; it must be there, unique, and fit for a request ID."""
    if not options.key:
        return ""
    column = table[options.key]
    if missing := int(column.isna().sum()):
        raise Rejected(
            f"KEY={options.key}: {missing:,} of {len(column):,} rows have none: remove these rows, or leave KEY out"
        )
    texts = column.astype("str")
    if repeated := int(texts.duplicated().sum()):
        raise Rejected(
            f"KEY={options.key}: {repeated:,} of {len(texts):,} rows repeat an earlier key, such as "
            f"{texts[texts.duplicated()].iloc[0]!r}: remove them, give another KEY, or leave KEY out to number the rows"
        )
    if unfit := int((~texts.str.fullmatch(PRINTABLE)).sum()):
        raise Rejected(
            f"KEY={options.key}: {unfit:,} of {len(texts):,} keys are longer than {MAX_TEXT} characters or hold "
            "control characters: give another KEY, or leave KEY out to number the rows"
        )
    return personal_key(clean_name(options.key), texts)
