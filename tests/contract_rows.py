"""Valid rows made from the declared contract, with a signal that the candidate learns and simpler models do not.

Nothing here knows the example: names, kinds, ranges, categories, patterns and roles come from the declarations.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights import config, dataset, features
from flights.columns import Column
from flights.contract import DTYPES, TABLE, as_arrays
from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOME, OUTCOMES, ROW_KEY, ZONE
from flights.feature_set import build_features
from tests.patterns import matching

TRAIN_MONTHS, LIVE_MONTHS = 6, 2
MISSING = 0.03  # share of a nullable column's values
POSITIVES = 0.25  # share of the rows
MAX_ROC_AUC = 0.85  # of the planted probabilities, whatever the declaration would believe
CODES = 60  # different values of a text column with a pattern; of a personal one, 40 times as many
SPREAD = 0.12  # standard deviation of a number around its example, as a share of its range
LABEL_ATTEMPTS = 60  # to draw an outcome that makes a label
Random = np.random.Generator
Values = NDArray[Any]


def contract_rows(count: int = 40_000, seed: int = 2013) -> pd.DataFrame:
    """Rows of the declared table in the order of time, from before the training period to the end of the live one."""
    random = np.random.default_rng(seed)
    times = event_times(random, count)
    factors = {column.feed: random.normal(size=count) for column in INPUTS}
    frame = pd.DataFrame({EVENT_TIME: times})
    for column in INPUTS:
        if column.name != EVENT_TIME:
            frame[column.name] = with_missing(random, column, values(random, column, times, factors[column.feed]))
    frame[KEY] = keys(random, count)
    add_outcomes(random, frame, planted_labels(random, frame))
    return typed(frame)


def period() -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last instant that the splits and the backtest need."""
    live = pd.Timestamp(config.AS_OF, tz=ZONE)
    train = live - pd.DateOffset(months=config.HOLDOUT_MONTHS + config.VALIDATION_MONTHS + TRAIN_MONTHS)
    backtest = pd.Timestamp(config.FIRST_MONTH, tz=ZONE) - pd.DateOffset(months=3)
    return min(train, backtest), live + pd.DateOffset(months=LIVE_MONTHS)


def event_times(random: Random, count: int) -> pd.Series:
    """Sorted minutes of the period, by day and by night, with fewer rows on Sundays."""
    first, end = (int(moment.timestamp()) // 60 for moment in period())
    minutes = random.integers(first, end, 3 * count)
    local = pd.to_datetime(minutes, unit="m", utc=True).tz_convert(ZONE)
    weight = np.where(local.hour < 5, 0.05, 1.0) * np.where(local.weekday == 6, 0.8, 1.0)
    kept = np.sort(random.choice(minutes, count, replace=False, p=weight / weight.sum()))
    return pd.Series(pd.to_datetime(kept, unit="m", utc=True)).astype("datetime64[us, UTC]")


def values(random: Random, column: Column, times: pd.Series, factor: Values) -> Values | pd.Series:
    """Values that the declaration allows; columns of one feed share a factor, so that they go together."""
    count = len(times)
    if column.kind == "time":
        lead = pd.Timedelta(hours=dataset.PREDICTION_LEAD_HOURS)
        return times - lead - pd.to_timedelta(random.integers(0, 180, count), unit="min").astype("timedelta64[us]")
    if column.kind == "text":
        pool = np.array(texts(random, column), dtype=object)
        weight = 1.0 / (5 + np.arange(len(pool)))
        return random.choice(pool, count, p=weight / weight.sum())
    return numbers(column, 0.6 * factor + 0.8 * random.normal(size=count))


def numbers(column: Column, standard: Values) -> Values:
    """Numbers around the example, within the range."""
    low = -1e6 if column.minimum is None else column.minimum
    high = 1e6 if column.maximum is None else column.maximum
    found = np.clip(float(column.example) + SPREAD * min(high - low, 1e3) * standard, low, high)
    digits = 0 if column.kind == "integer" else 3
    return np.clip(np.round(found, digits), np.ceil(low) if digits == 0 else low, high)


def texts(random: Random, column: Column) -> list[str]:
    """The categories, or texts of the pattern with the example first."""
    if column.categories:
        return list(column.categories)
    if not column.pattern:
        return [column.example, *(f"text-{number}" for number in range(CODES))]
    wanted = CODES * (40 if column.personal else 1)
    return list(dict.fromkeys([column.example, *(matching(random, column.pattern) for _ in range(wanted))]))


def keys(random: Random, count: int) -> list[str]:
    """One distinct key for each row."""
    if not ROW_KEY.pattern:
        return [f"row-{number:07}" for number in range(count)]
    found: dict[str, None] = {}
    for _ in range(20 * count):
        found[matching(random, ROW_KEY.pattern)] = None
        if len(found) == count:
            return list(found)
    raise ValueError(f"expected {count:,} different keys like {ROW_KEY.pattern}, got {len(found):,}")


def with_missing(random: Random, column: Column, found: Values | pd.Series) -> Values | pd.Series:
    """The same with a few values missing, where that is allowed."""
    if not column.nullable:
        return found
    series = pd.Series(found)
    return series.mask(random.random(len(series)) < MISSING)


def planted_labels(random: Random, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Labels with a probability that depends on every steady feature, not in a straight line unless it must."""
    made = build_features(as_arrays(typed(frame, INPUTS)))
    month = frame[EVENT_TIME].dt.strftime("%Y-%m").to_numpy()
    terms = []
    for name, column in made.items():
        standard = effect(random, column) if name in features.CATEGORIES else ranks(column)
        if pd.Series(standard).groupby(month).mean().std() > 0.2:
            continue  # goes with the season: it would shift the rate from month to month
        bent = 2 * np.abs(standard) + 0.5 * standard
        term = features.MONOTONIC_CONSTRAINTS[name] * standard if name in features.MONOTONIC_CONSTRAINTS else bent
        terms.append(3 * term if name in features.HEURISTIC else term)
    score = sum(terms, np.zeros(len(frame))) / np.sqrt(max(1, len(terms)))
    return random.random(len(frame)) < calibrated(score - score.mean())


def effect(random: Random, column: Values) -> Values:
    """One standard-normal effect for each category."""
    codes, found = pd.factorize(column)
    return np.append(random.normal(size=len(found)), 0.0)[codes]


def ranks(column: Values) -> Values:
    """Ranks with mean 0 and variance 1; 0 where the value is missing."""
    share = pd.Series(column).rank(pct=True).fillna(0.5).to_numpy()
    return (share - 0.5) * np.sqrt(12)


def calibrated(score: Values) -> Values:
    """Probabilities with the wanted mean, ranked as well as an honest model is believed to do."""
    wanted = min(MAX_ROC_AUC, 0.5 + 0.95 * (config.MAX_PLAUSIBLE_ROC_AUC - 0.5))

    def probabilities(scale: float) -> Values:
        shift = bisect(lambda by: float(logistic(scale * score + by).mean()), POSITIVES, -50, 50)
        return logistic(scale * score + shift)

    return probabilities(bisect(lambda scale: expected_roc_auc(probabilities(scale)), wanted, 0.0, 20.0))


def logistic(score: Values) -> Values:
    """The probability of a log-odds."""
    return 1 / (1 + np.exp(-np.clip(score, -50, 50)))


def expected_roc_auc(probability: Values) -> float:
    """ROC-AUC of probabilities that are true."""
    ordered = np.sort(probability)
    below = np.cumsum(1 - ordered) - (1 - ordered) / 2
    return float((ordered * below).sum() / (ordered.sum() * (1 - ordered).sum()))


def bisect(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Where a rising function has a value."""
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def add_outcomes(random: Random, frame: pd.DataFrame, labels: NDArray[np.bool_]) -> None:
    """Write outcomes that make the labels and are known in time: drawn until they do."""
    declared = {column.name: column for column in OUTCOMES}
    for column in OUTCOMES:
        if column.kind != "time":
            frame[column.name] = values(random, column, frame[EVENT_TIME], random.normal(size=len(frame)))
    hours = pd.Series(np.nan, frame.index)
    open_rows = np.ones(len(frame), dtype=bool)
    for attempt in range(2 * LABEL_ATTEMPTS):
        trial = frame[open_rows].copy()
        scale = 10.0 ** random.uniform(-1.5, 0.5, len(trial)) if attempt % 4 else 1e9  # sometimes the ends of the range
        trial[OUTCOME] = numbers(declared[OUTCOME], scale * random.normal(size=len(trial)))
        took = dataset.outcome_hours(trial)
        fits = (took > 0) & (took <= config.WATERMARK_HOURS)
        if attempt < LABEL_ATTEMPTS:  # beyond them, the few rows that are left take any label
            fits &= dataset.targets(trial) == labels[open_rows]
        found = trial.index[fits.to_numpy()]
        frame.loc[found, OUTCOME], hours[found] = trial.loc[found, OUTCOME], took[found]
        open_rows[found] = False
        if not open_rows.any():
            break
    else:
        raise ValueError(f"{OUTCOME}: no value in its range makes `targets` and `outcome_hours` what they must be")
    known = frame[EVENT_TIME] + pd.to_timedelta((hours * 60).round(), unit="min").astype("timedelta64[us]")
    lost = random.random(len(frame)) < (MISSING if declared[OUTCOME].nullable else 0)
    for column in OUTCOMES:
        found_values = known if column.kind == "time" else frame[column.name]
        frame[column.name] = found_values.mask(lost) if column.nullable else found_values


def typed(frame: pd.DataFrame, columns: tuple[Column, ...] = TABLE) -> pd.DataFrame:
    """The declared columns with their types."""
    return frame[[column.name for column in columns]].astype({column.name: DTYPES[column.kind] for column in columns})
