"""Column names of any kind as names that Python, JSON and the loop's own tables can use."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

TAKEN = frozenset(  # by the loop's own columns, fields and features, and by what the features call
    [
        "request_id",
        "known_at",
        "outcome_known_at",
        "row_id",
        "event_time",
        "answered_at",
        "probability",
        "alert",
        "threshold",
        "model_version",
        "served_by",
        "model_digest",
        "latency_us",
        "target",
        "day",
        "state",
        "past_watermark",
        "moment",
        "reasons",
        "index",
        "rows",
        "outcomes",
        "predictions",
        "minute_of_day",
        "weekday",
        "day_of_year",
        "month",
        "hour",
        "inputs",
        "outcome",
        "self",
        "np",
        "pd",
        "local_minutes",
        "config",
        "schema",
        "copy",
        "json",
        "dict",
        "strings",
        "construct",
        "validate",
        "fields",
    ]
)
LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "æ": "ae", "ø": "o"}
)


def clean_names(names: Iterable[str]) -> list[str]:
    """A name for each column, in order; what is equal after cleaning gets a number."""
    found: list[str] = []
    for name in names:
        base = clean_name(name)
        number, unique = 1, base
        while unique in found:
            number += 1
            unique = f"{base}_{number}"
        found.append(unique)
    return found


def clean_name(name: str) -> str:
    """Small letters, digits and underscores, beginning with a letter, and no word that is taken."""
    plain = unicodedata.normalize("NFKD", str(name).translate(LETTERS)).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    cleaned = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "column"
    if cleaned[0].isdigit():
        cleaned = f"n{cleaned}"
    if keyword.iskeyword(cleaned) or cleaned in TAKEN or hasattr(builtins, cleaned) or cleaned in dir(str):
        cleaned = f"{cleaned}_value"
    if cleaned.startswith("model_"):
        cleaned = f"the_{cleaned}"  # pydantic's own prefix
    return cleaned
