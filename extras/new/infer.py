"""Infer a draft contract from a table: kinds, ranges, categories, patterns, and the features that follow."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from extras.new.names import clean_names
from extras.new.roles import Options, Rejected, Roles
from extras.new.suspects import LeftOut, single_roc_auc, suspect
from extras.new.table import Unreadable, as_times

MAX_CATEGORIES = 30  # different values of a text that is declared by its categories
MIN_OF_CATEGORY = 3  # rows of each; a rarer one will not be the last new one
MAX_GROUPS = 50  # different values of the heuristic's group
BANDS = 5  # of the heuristic's number
PLAIN = r"^[ -~\u00a0-\u024f]{1,%d}$"  # printable ASCII and Latin letters
CALENDAR: dict[str, Callable[[Any], Any]] = {  # feature -> its values from local moments
    "minute_of_day": lambda local: local.dt.hour * 60 + local.dt.minute,
    "weekday": lambda local: local.dt.weekday,
}
CALENDAR_LIMITS: dict[str, tuple[float, ...]] = {
    "minute_of_day": (0, 360, 720, 1080, 1440),
    "weekday": (0, 1, 2, 3, 4, 5, 6, 7),
}


@dataclass(frozen=True)
class Guess:
    """One input as it will be declared."""

    source: str  # the column's name in the table
    name: str
    kind: str  # text, integer, number or time
    example: Any
    limits: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()
    pattern: str = ""
    nullable: bool = False
    review: str = ""


@dataclass(frozen=True)
class Draft:
    """Everything that is inferred of a table's columns."""

    options: Options
    roles: Roles
    names: dict[str, str]  # of the columns that have a place in the contract
    mapping: list[tuple[str, str]]  # every column of the table, in its order, and its clean name
    guesses: list[Guess]  # the inputs, without the row's time
    left_out: list[LeftOut]
    features: list[str] = field(default_factory=list)  # passed through
    calendar: list[str] = field(default_factory=list)  # of the row's time
    group: str = ""
    banded: str = ""
    bands: dict[str, tuple[float, ...]] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)  # different values by text

    @property
    def ages(self) -> list[str]:
        """Features that the other times become: days before the row's own."""
        return [self.age_of(each.name) for each in self.guesses if each.kind == "time"]

    def age_of(self, name: str) -> str:
        """The name of the feature that a time becomes; the table may have a column of that name."""
        age = f"days_since_{name}"
        return f"{age}_then" if age in {each.name for each in self.guesses} else age


def draft(options: Options, roles: Roles) -> Draft:
    """Infer the contract of a checked table."""
    rows = roles.rows
    mapping = list(zip(map(str, rows.columns), clean_names(map(str, rows.columns)), strict=True))
    guesses, left_out = [], []
    for place, (source, name) in enumerate(mapping):
        if source in (options.time, options.target, options.key):
            continue
        values = rows.iloc[:, place]
        moments = times_of(values, options.zone)
        after = None if moments is None else moments - roles.times
        found = suspect(source, name, values, roles.targets, after)
        if found:
            left_out.append(found)
        else:
            guesses.append(guess(source, name, values, moments))
    if options.key:
        left_out.append(LeftOut(options.key, "key", "names the row; it is the request ID, not a feature"))
    result = Draft(options, roles, dict(mapping), mapping, guesses, left_out)
    return with_heuristic(with_features(result))


def times_of(values: "pd.Series[Any]", zone: str) -> "pd.Series[Any] | None":
    """A column as moments, if it holds times; numbers are numbers."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return as_times(values, zone)
    head = values.dropna().head(200)
    if not pd.api.types.is_string_dtype(values) or head.empty or not head.str.contains(r"\d[-./]\d").all():
        return None
    try:
        as_times(head, zone)
        return as_times(values, zone)
    except (Unreadable, ValueError, OverflowError):
        return None


def guess(source: str, name: str, values: "pd.Series[Any]", moments: "pd.Series[Any] | None") -> Guess:
    """One column as an input."""
    nullable = bool(values.isna().any())
    if moments is not None:
        example = f"{moments.dropna().iloc[-1]:%Y-%m-%dT%H:%M:%SZ}"
        review = f"read as times, such as {values.dropna().iloc[0]}"
        return Guess(source, name, "time", example, nullable=nullable, review=review)
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return text_guess(Guess(source, name, "text", "", nullable=nullable), values.dropna().astype("str"))
    numbers = values.dropna().astype("float64")
    finite = numbers[np.isfinite(numbers)]
    low, high = float(finite.min()), float(finite.max())
    whole = bool((finite % 1 == 0).all())
    limits = widened(low, high)
    if whole:
        limits = float(np.floor(limits[0])), float(np.ceil(limits[1]))
    kind = "integer" if whole and not nullable and len(finite) == len(numbers) else "number"
    middle = float(finite.median())
    inside = min(max(float(f"{middle:.6g}"), limits[0]), limits[1])
    middle_value = int(middle) if kind == "integer" else inside
    review = f"seen from {low:g} to {high:g}, widened by half of that span"
    return Guess(source, name, kind, middle_value, limits, nullable=nullable, review=review)


def widened(low: float, high: float) -> tuple[float, float]:
    """A range with half of its span more on each side; it does not cross 0, and has round ends."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** np.floor(np.log10(span)) / 10
    lower = float(np.floor((low - span / 2) / step) * step)
    upper = float(np.ceil((high + span / 2) / step) * step)
    lower = 0.0 if low >= 0 > lower else lower
    upper = 0.0 if high <= 0 < upper else upper
    return float(f"{lower:.6g}"), float(f"{upper:.6g}")


def text_guess(base: Guess, texts: "pd.Series[str]") -> Guess:
    """A text: categories if they are few and none is rare, otherwise a pattern that new values fit too."""
    counts = texts.value_counts()
    example = str(counts.index[0])
    if len(counts) <= MAX_CATEGORIES and counts.min() >= MIN_OF_CATEGORY:
        categories = tuple(sorted(map(str, counts.index)))
        review = f"these {len(counts)} values were seen; a request with another is rejected"
        return replace(base, example=example, categories=categories, review=review)
    longest = int(texts.str.len().max())
    pattern = plain_pattern(texts, min(100, max(8, 2 * longest)))
    review = f"{len(counts):,} different values of at most {longest} characters; new ones are accepted"
    return replace(base, example=example, pattern=pattern, review=review)


def plain_pattern(texts: "pd.Series[str]", longest: int) -> str:
    """The pattern of printable texts of a length, or none if one of these is another."""
    pattern = PLAIN.encode().decode("unicode_escape") % longest
    return pattern if texts.str.match(pattern).all() else ""


def with_features(found: Draft) -> Draft:
    """Numbers and texts pass through; times become ages; the row's time becomes calendar features that vary."""
    local = found.roles.times.dt.tz_convert(found.options.zone)
    calendar = [name for name, make in CALENDAR.items() if make(local).nunique() > 1]
    passed = [each.name for each in found.guesses if each.kind != "time"]
    if not passed and not found.ages:
        reasons = "; ".join(f"{each.column} ({each.reason}: {each.evidence})" for each in found.left_out)
        raise Rejected(f"no column is left as a feature: {reasons}")
    levels = {each.name: found.roles.rows[each.source].nunique() for each in found.guesses if each.kind == "text"}
    return replace(found, features=passed, calendar=calendar or ["weekday"], levels=levels)


def with_heuristic(found: Draft) -> Draft:
    """Choose the rule to beat: the text, or number in bands, that ranks best, within bands of the next best number."""
    known = found.roles.targets.notna().to_numpy()
    y = found.roles.targets[known].to_numpy()
    local = found.roles.times.dt.tz_convert(found.options.zone)
    banded: dict[str, tuple[float, tuple[float, ...]]] = {}
    for name in found.calendar:
        banded[name] = band_strength(y, CALENDAR[name](local)[known], CALENDAR_LIMITS[name])
    for each in found.guesses:
        if each.kind in ("integer", "number") and not each.nullable:
            column = found.roles.rows[each.source][known].astype("float64")
            banded[each.name] = band_strength(y, column, quantile_bands(column, each))
    texts = {
        each.name: single_roc_auc(y, found.roles.rows[each.source][known])
        for each in found.guesses
        if each.kind == "text" and not each.nullable and 2 <= found.levels[each.name] <= MAX_GROUPS
    }
    best = sorted(banded, key=lambda name: banded[name][0], reverse=True)
    wanted = found.names.get(found.options.group, "")
    if wanted and wanted not in texts and wanted not in banded:
        raise Rejected(
            f"GROUP={found.options.group}: expected a feature with 2 to {MAX_GROUPS} values, "
            "or a number that is never missing"
        )
    group = wanted or (max(texts, key=lambda name: texts[name]) if texts else best[0])
    others = [name for name in best if name != group]
    second = others[0] if others else next(name for name in CALENDAR_LIMITS if name != group)
    every: dict[str, tuple[float, ...]] = {**CALENDAR_LIMITS, **{name: pair[1] for name, pair in banded.items()}}
    bands = {name: every[name] for name in (group, second) if name not in texts}
    calendar = [*found.calendar, *(name for name in (group, second) if name in CALENDAR and name not in found.calendar)]
    return replace(found, group=group, banded=second, bands=bands, calendar=calendar)


def band_strength(y: Any, column: Any, limits: tuple[float, ...]) -> tuple[float, tuple[float, ...]]:
    """How well the rates of a number's bands rank, and the limits of the bands."""
    places = pd.Series(np.searchsorted(limits[1:-1], column, side="right")).astype("str")
    return single_roc_auc(y, places), limits


def quantile_bands(column: "pd.Series[float]", each: Guess) -> tuple[float, ...]:
    """Limits of bands with about as many rows each, from the range's low end to its high end."""
    inner = np.unique([float(f"{value:.4g}") for value in column.quantile(np.arange(1, BANDS) / BANDS)])
    low, high = each.limits or (float(column.min()), float(column.max()))
    return (low, *(value for value in inner.tolist() if low < value < high), high)
