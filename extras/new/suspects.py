"""Columns that are left out of the features, each with the evidence."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_ROC_AUC = 0.95  # of one column alone: an honest one hardly ranks better
MIN_FILLED = 20  # rows with a value, before its presence says anything
MAX_RARE_SHARE = 0.8  # of the rows positive: above it, "only positives" is no evidence
UNIQUE_SHARE = 0.95  # of different values: such a text names a row
FREE_TEXT_LENGTH = 40  # mean characters
MAX_TEXT = 100  # characters that a request's text may have
SAMPLE = 20_000  # rows
PERSONAL_NAMES = re.compile(
    r"(^|_)(e_?mail|(?:tele)?phone|tel|mobile?|telefon|handy|msisdn|fax|rufnummer|iban|ssn|passport|first_name|last_name|surname|vorname|nachname|full_name|"
    r"customer_name|user_name|username|street|strasse|address|adresse|birth\w*|geburts\w*|ip_address|credit_card|card_number)($|_)"
)
PERSONAL_VALUES = {
    "e-mail addresses": r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",
    "phone numbers": r"(?:\+|00)[1-9][\d ()/-]{7,16}",
    "IBANs": r"[A-Z]{2}\d{2}[A-Z0-9 ]{11,30}",
    "IP addresses": r"\d{1,3}(?:\.\d{1,3}){3}",
}
PHONE_DIGITS = r"0{0,2}[1-9]\d{8,14}"  # a number of digits alone, with or without what is dialled before it
PRINTABLE = f"^[ -~\u00a0-\ud7ff\ue000-\U0010ffff]{{1,{MAX_TEXT}}}$"  # a personal key
ID_CHARACTERS = r"[A-Za-z0-9._:-]+"  # that a request ID may have, if it is no personal key
DENSE = 100  # numbers of which every hundredth is used at least count something
IDENTIFIER_NAMES = re.compile(r"(^|_)(id|uuid|guid|key|nr|no|number|nummer|index|row)($|_)")


@dataclass(frozen=True)
class LeftOut:
    """A column that is no feature, and why."""

    column: str  # as in the table
    reason: str
    evidence: str
    is_leak: bool = False


def suspect(
    source: str, name: str, values: "pd.Series[Any]", targets: "pd.Series[float]", times: "pd.Series[Any] | None"
) -> LeftOut | None:
    """Why a column is left out, or None; `times` are its moments less the rows', if it holds times."""
    filled = values.dropna()
    if filled.empty:
        return LeftOut(source, "empty", f"all {len(values):,} values are missing")
    if filled.nunique() == 1 and len(filled) == len(values):
        return LeftOut(source, "constant", "one value only")
    if personal := personal_reason(name, filled):
        return LeftOut(source, "personal data", personal)
    if times is not None:
        later = times > pd.Timedelta(0)
        if later.mean() > 0.01:
            return LeftOut(source, "leak", f"{later.mean():.0%} of its times are after the row's own", is_leak=True)
    if leak := leak_reason(values, targets):
        return LeftOut(source, "leak", leak, is_leak=True)
    return identifier(source, name, filled) if times is None else None


def personal_reason(name: str, filled: "pd.Series[Any]") -> str:
    """What makes a column personal data."""
    if PERSONAL_NAMES.search(name):
        return f"its name says so ({PERSONAL_NAMES.search(name).group(2)})"  # type: ignore[union-attr]
    if pd.api.types.is_string_dtype(filled):
        for what, pattern in PERSONAL_VALUES.items():
            share = filled.head(SAMPLE).str.fullmatch(pattern).mean()
            if share > 0.5:
                return f"{share:.0%} of the values are {what}"
    return ""


def personal_key(name: str, keys: "pd.Series[str]") -> str:
    """What makes a key personal: its name, or any of its values; digits alone if they are no counter."""
    if PERSONAL_NAMES.search(name):
        return personal_reason(name, keys)
    for what, pattern in PERSONAL_VALUES.items():
        if found := int(keys.str.fullmatch(pattern).sum()):
            return f"{found:,} of {len(keys):,} are {what}"
    if keys.str.fullmatch(PHONE_DIGITS).mean() > 0.5 and not is_counter(keys):
        return "as long as phone numbers, and no counter"
    other = int((~keys.str.fullmatch(ID_CHARACTERS)).sum())
    return f"{other:,} of {len(keys):,} hold other characters than an ID" if other else ""


def is_counter(keys: "pd.Series[str]") -> bool:
    """Whether whole numbers lie close together, as those that count something do."""
    numbers = keys[keys.str.fullmatch(r"\d{1,18}")].astype("int64")
    low, high = numbers.quantile([0.05, 0.95])
    return bool(high - low < DENSE * len(numbers))


def identifier(source: str, name: str, filled: "pd.Series[Any]") -> LeftOut | None:
    """Whether a column names rows, or is prose."""
    unique = filled.nunique() / len(filled)
    if pd.api.types.is_string_dtype(filled):
        lengths = filled.str.len()
        if (
            lengths.mean() > FREE_TEXT_LENGTH
            or (unique > 0.5 and filled.str.count(" ").mean() >= 4)
            or lengths.max() > MAX_TEXT
        ):
            return LeftOut(source, "free text", f"{lengths.mean():.0f} characters on average, {lengths.max()} at most")
        if unique > UNIQUE_SHARE:
            return LeftOut(source, "identifier", f"{unique:.0%} of its values are different")
    elif pd.api.types.is_integer_dtype(filled) and unique > UNIQUE_SHARE:
        steps = filled.diff().dropna()
        if IDENTIFIER_NAMES.search(name) or (steps > 0).all() or (steps < 0).all():
            return LeftOut(source, "identifier", f"{unique:.0%} of its whole numbers are different")
    return None


def leak_reason(values: "pd.Series[Any]", targets: "pd.Series[float]") -> str:
    """Why a column seems to know the target."""
    known = targets.notna()
    y, x = targets[known].to_numpy(), values[known]
    filled = x.notna().to_numpy()
    if filled.sum() >= MIN_FILLED and not filled.all() and y.mean() < MAX_RARE_SHARE and y[filled].mean() > 0.98:
        return (
            f"filled in {filled.sum():,} rows, and {y[filled].mean():.0%} of them are positive ({y.mean():.1%} of all)"
        )
    if len(y) > SAMPLE:
        chosen = np.linspace(0, len(y) - 1, SAMPLE).astype(int)
        y, x, filled = y[chosen], x.iloc[chosen], filled[chosen]
    if y.sum() < 5 or (1 - y).sum() < 5:
        return ""
    reached = max(roc_auc(y, filled.astype(float)), single_roc_auc(y, x))
    return f"alone it ranks with ROC-AUC {reached:.3f} (limit {MAX_ROC_AUC})" if reached > MAX_ROC_AUC else ""


def single_roc_auc(y: NDArray[Any], column: "pd.Series[Any]") -> float:
    """How well one column alone ranks: a number by itself, a text by the rate of the other half of the rows."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        numbers = column.astype("float64").fillna(column.median()).to_numpy()
        return roc_auc(y, numbers)
    texts = column.astype("str").fillna("").to_numpy()
    odd = np.arange(len(y)) % 2 == 1
    scores = np.empty(len(y))
    for half in (odd, ~odd):
        rates = pd.Series(y[half]).groupby(texts[half]).mean()
        scores[~half] = pd.Series(texts[~half]).map(rates).fillna(y[half].mean()).to_numpy()
    return roc_auc(y, scores)


def roc_auc(y: NDArray[Any], scores: NDArray[Any]) -> float:
    """ROC-AUC in the better direction; ties count half."""
    positives = y.sum()
    ranks = pd.Series(scores).rank().to_numpy()
    value = (ranks[y == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(y) - positives))
    return float(max(value, 1 - value))
