"""Limits of gate and monitor, derived from the table."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from extras.new.dates import Dates
from extras.new.infer import Draft
from extras.new.suspects import MAX_ROC_AUC

CALIBRATION_BINS = 10
RARE = 0.05  # share of positive rows below which average precision ranks models, not ROC-AUC
FEW_OF_CLASS = 100  # of the rarer class in the holdout, below which a good model's margin may not be significant


@dataclass(frozen=True)
class Limit:
    """A constant of the project: its value as code, and where it comes from."""

    name: str
    value: str
    why: str
    review: bool = True


def limits(found: Draft, dates: Dates) -> list[Limit]:
    """Every constant that was measured on the example, for these rows."""
    return [*of_config(found, dates), *of_gate(dates), *of_monitor(found, dates)]


def of_config(found: Draft, dates: Dates) -> list[Limit]:
    """The settings of `config.py`."""
    delay, (rows, positive) = found.options.delay_days, dates.counts["holdout"]
    rate = positive / rows
    first, last = found.roles.times.iloc[[0, -1]]
    budget = float(f"{min(0.5, max(0.001, rate)):.2g}")
    error = calibration_limit(found, dates)
    return [
        Limit("AS_OF", f'"{dates.as_of:%F}"', "the first live day: the last 12 % of the rows are live traffic"),
        Limit("HOLDOUT_DAYS", str(dates.holdout_days), f"{rows:,} labelled rows, {positive:,} of them positive"),
        Limit(
            "VALIDATION_DAYS",
            str(dates.validation_days),
            "{:,} labelled rows, {:,} of them positive".format(*dates.counts["validation"]),
        ),
        Limit(
            "GAP_DAYS", str(dates.gap_days), f"DELAY_DAYS={delay} and a day: every label is known before the next part"
        ),
        Limit(
            "WATERMARK_HOURS",
            str(24 * max(1, delay) + 1),
            f"DELAY_DAYS={delay}: an hour later every outcome that comes is there",
        ),
        Limit("FIRST_MONTH, LAST_MONTH", f'"{first:%Y-%m}", "{last:%Y-%m}"', "months that the table covers"),
        Limit(
            "CADENCE_DAYS",
            str(max(28, dates.holdout_days + dates.gap_days)),
            "as far as the holdout reaches after training: no older model was measured",
        ),
        Limit(
            "ALERT_BUDGET",
            str(budget),
            f"as many alerts as positives in the holdout ({rate:.2%}); how many can you act on?",
        ),
        Limit("MISS_COST", "5.0", "one missed positive costs as much as five false alarms: an assumption"),
        Limit(
            "TO_BEAT",
            '("prior",)',
            "a simpler model that is as good does not block; add tree and logistic to be stricter",
        ),
        Limit(
            "MAX_PLAUSIBLE_ROC_AUC",
            str(plausible_limit(rows, positive)),
            f"a better model has probably seen the answer: no column alone is above {MAX_ROC_AUC}, but for chance",
        ),
        Limit(
            "MAX_CALIBRATION_ERROR",
            str(error),
            "twice the rate's own spread over windows of the holdout's length, and 1.5 times the noise of its rows",
        ),
        Limit("MAX_MISSING_FEED_ERRORS", "{}", "no feed is declared", review=False),
        Limit("MIN_SLICE_ROC_AUC", "0.5", "no slice is ranked the wrong way round"),
    ]


def plausible_limit(rows: int, positive: int) -> float:
    """The ROC-AUC that chance alone makes of an honest model's 0.95, two standard errors above; at least 0.99.

    The standard error is that of Hanley and McNeil (1982), doi:10.1148/radiology.143.1.7063747.
    """
    honest, negative = MAX_ROC_AUC, rows - positive
    pairs = (positive - 1) * (honest / (2 - honest) - honest**2)
    pairs += (negative - 1) * (2 * honest**2 / (1 + honest) - honest**2)
    error = math.sqrt((honest * (1 - honest) + pairs) / max(positive * negative, 1))
    return min(1.0, max(0.99, rounded_up(honest + 2 * error)))


def calibration_limit(found: Draft, dates: Dates) -> float:
    """The largest calibration error that an honest model may show, from the rate's own changes and the sample size."""
    rows, positive = dates.counts["holdout"]
    rate = positive / rows
    noise = math.sqrt(CALIBRATION_BINS * rate * (1 - rate) / rows)
    return rounded_up(2 * rate_change(found, dates.holdout_days) + 1.5 * noise)


def rate_change(found: Draft, days: int) -> float:
    """The standard deviation of the rate of windows of a number of days, beyond the noise of their rows."""
    known = found.roles.targets.notna()
    window = (found.roles.times[known] - found.roles.times.iloc[0]).dt.days // max(1, days)
    by_window = found.roles.targets[known].groupby(window).agg(["mean", "size"])
    kept = by_window[by_window["size"] >= 0.3 * by_window["size"].median()]
    noise = (kept["mean"] * (1 - kept["mean"]) / kept["size"]).mean()
    return math.sqrt(max(0.0, kept["mean"].var() - noise)) if len(kept) > 1 else 0.0


def rounded_up(value: float) -> float:
    """Two significant digits, never below the value."""
    step = 10.0 ** (math.floor(math.log10(max(value, 1e-6))) - 1)
    return float(f"{math.ceil(value / step) * step:.3g}")


def ranking(dates: Dates) -> list[Limit]:
    """The metric that ranks models, by the base rate; and how sure the gate must be, by the number of rows."""
    rows, positive = dates.counts["holdout"]
    rate, rarer = positive / rows, min(positive, rows - positive)
    found = []
    if rate < RARE:
        why = (
            f"{rate:.2%} of the rows are positive: average precision judges the highest probabilities; ROC-AUC and the "
            f"Brier score ({rate * (1 - rate):.2g} for the rate alone) hardly see them"
        )
        found.append(Limit("COMPARED", '{"pr_auc": "average precision"}', why))
    if rarer < FEW_OF_CLASS:
        why = f"{rarer} rows of the rarer class in the holdout are too few for significance: one standard error will do"
        found.append(Limit("SIGNIFICANT", "False", why))
    return found


def of_gate(dates: Dates) -> list[Limit]:
    """Constants of training and the gate that depend on the number of rows."""
    rows, positive = dates.counts["train"]
    leaf = max(5, min(200, rows // 100))
    holdout, hits = dates.counts["holdout"]
    fewest = max(5, min(50, min(hits, holdout - hits) // 4))
    return [
        *ranking(dates),
        Limit(
            "MIN_LEAF_ROWS, MIN_TREE_LEAF_ROWS",
            f"{leaf}, {max(10, min(500, rows // 40))}",
            f"{rows:,} rows to train on, {positive:,} of them positive",
        ),
        Limit(
            "MIN_OF_EACH_CLASS",
            str(fewest),
            "a quarter of the rarer class in the holdout, 50 at most; slices with fewer are not judged",
        ),
    ]


def of_monitor(found: Draft, dates: Dates) -> list[Limit]:
    """Limits of the monitor, from the label delay and the rows' own day-to-day spread."""
    times, delay = found.roles.times, max(1, found.options.delay_days)
    days = times.dt.tz_convert(found.options.zone).dt.tz_localize(None).dt.normalize()
    daily = days.value_counts().sort_index()
    silent = int(daily.index.to_series().diff().dt.days.max() or 1)
    window = quality_days(found, daily)
    rate = dates.counts["holdout"][1] / dates.counts["holdout"][0]
    per_window = window * len(days) / max(1, (days.iloc[-1] - days.iloc[0]).days + 1)
    noise = math.sqrt(rate * (1 - rate) / max(1.0, per_window))
    hits = max(1.0, rate * per_window)
    usual = daily / daily.expanding().median()
    missing = found.roles.targets[times <= times.iloc[-1] - pd.Timedelta(days=delay + 1)].isna()
    unlabelled = float(missing.groupby(days[missing.index]).mean().quantile(0.95)) if len(missing) else 0.0
    new = unseen_share(found, dates)
    return [
        Limit(
            "LOOK_BACK_DAYS",
            str(max(91, 2 * window + 2 * delay + 28)),
            "two windows of quality, the label delay twice, and four weeks",
        ),
        Limit(
            "QUALITY_DAYS", str(window), "days with about 100 positive rows, in whole weeks, 14 at least and 84 at most"
        ),
        Limit(
            "MIN_DAYS",
            str(min(7, max(2, round(window * len(daily) / max(1, (days.iloc[-1] - days.iloc[0]).days + 1) / 2)))),
            "half of a window's days with rows, 7 at most",
        ),
        Limit(
            "MAX_BIAS",
            str(rounded_up(2 * rate_change(found, window) + 3 * noise)),
            f"twice the rate's own spread between windows, and three standard errors of its rows (rate {rate:.2%})",
        ),
        Limit(
            "MAX_SHORTFALL",
            str(rounded_up(max(0.05, 3 * 0.29 / math.sqrt(hits)))),
            "three standard errors of ROC-AUC with a window's positives, 0.05 at least",
        ),
        Limit("MAX_DELAY_HOURS", str(24.0 * delay + 24.0), f"DELAY_DAYS={delay} and a day"),
        Limit(
            "MAX_EXPIRED",
            str(rounded_up(min(0.95, unlabelled + 0.1))),
            "what 95 % of the table's days stay below, and 0.1",
        ),
        Limit(
            "MAX_UNSEEN",
            str(rounded_up(max(0.02, 2 * new))),
            f"twice the share of new texts in the table's holdout ({new:.1%}), 0.02 at least",
        ),
        Limit(
            "LOW, HIGH",
            f"{rounded_down(float(usual.quantile(0.01)) / 1.2)}, {rounded_up(float(usual.quantile(0.99)) * 1.2)}",
            "a day's rows against the median day: 98 % of the table's days, and a fifth more",
        ),
        Limit("MAX_SILENT_DAYS", str(silent), f"the longest gap between days with rows is {silent} days"),
    ]


def rounded_down(value: float) -> float:
    """Two significant digits, never above the value."""
    step = 10.0 ** (math.floor(math.log10(max(value, 1e-6))) - 1)
    return float(f"{math.floor(value / step) * step:.3g}")


def quality_days(found: Draft, daily: "pd.Series[Any]") -> int:
    """How many days hold about 100 positive rows: whole weeks, two at least, twelve at most."""
    span = (daily.index[-1] - daily.index[0]).days + 1
    per_day = float(found.roles.targets.sum()) / span
    return int(min(84, max(14, 7 * math.ceil(100 / max(per_day, 1e-9) / 7))))


def unseen_share(found: Draft, dates: Dates) -> float:
    """Share of the holdout's rows with a text that came never before."""
    local = found.roles.times.dt.tz_convert(found.options.zone).dt.tz_localize(None)
    start = dates.as_of - pd.Timedelta(days=dates.holdout_days)
    before, after = (local < start).to_numpy(), ((local >= start) & (local < dates.as_of)).to_numpy()
    new = np.zeros(int(after.sum()), dtype=bool)
    for each in found.guesses:
        if each.kind == "text":
            column = found.roles.rows[each.source].astype(object)
            new |= (~column[after].isin(set(column[before])) & column[after].notna()).to_numpy()
    return float(new.mean()) if len(new) else 0.0
