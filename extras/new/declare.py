"""Write the declarations of a project: dataset.py, features.py and collect.py as source text."""

import json
import re
from pathlib import Path

import pandas as pd

from extras.new.dates import Dates
from extras.new.infer import Draft, Guess, plain_pattern
from extras.new.suspects import MAX_TEXT, PRINTABLE

FIRST, LAST = "# [SWAP] From here", "# [SWAP] To here"
REVIEW = "# REVIEW:"
REQUEST_ID = r'r"^[A-Za-z0-9._:-]{1,100}$"'
DATASET_TITLE = '''"""The columns of the table, with their meaning, range and the moment at which they are known.

A draft that was inferred: `make review` lists the guesses.
"""'''
FEATURES_TITLE = '''"""The features: each is a function named after its result; its parameters are columns.

Features are row-wise and stateless; fitted encodings, trees and thresholds belong to the model. To add one: write the
function and list it in `FEATURES`.
"""'''
FILES = Path(__file__).parent / "files"
FUNCTIONS = {
    "minute_of_day": '''def minute_of_day({time}: Times) -> Numbers:
    """Local time of day, in minutes since midnight."""
    return (local_minutes({time}) % 1440).astype(np.float64)''',
    "weekday": '''def weekday({time}: Times) -> Numbers:
    """Local day of the week; 0 is Monday."""
    return ((local_minutes({time}) // 1440 + 3) % 7).astype(np.float64)  # 1970 began on a Thursday''',
    "age": '''def {age}({time}: Times, {name}: Times) -> Numbers:
    """Days from {name} to the row's own time; missing if {name} is."""
    return np.where(np.isnat({name}), np.nan, ({time} - {name}) / np.timedelta64(1, "D")).astype(np.float64)''',
}


def dataset(text: str, found: Draft, dates: Dates) -> str:
    """The example's dataset.py with this table's declarations."""
    options, time = found.options, found.names[found.options.time]
    outcome, delay = found.names[options.target], max(1, options.delay_days)
    outcome_time = dates.as_of.tz_localize("UTC") + pd.Timedelta(days=delay)
    used = {each.name: each for each in found.guesses}
    bands = {name: limits for name, limits in found.bands.items() if name in used}
    declared = (
        (FILES / "dataset.txt")
        .read_text(encoding="utf-8")
        .format(
            question=quoted(f"Will {options.target} be 1?"),
            scope=quoted(f"Rows like those of {options.source.name[:60]}. Not for other purposes."),
            bands=bands or "{}",
            time=time,
            event_time=quoted(time),
            zone=quoted(options.zone),
            outcome=quoted(outcome),
            hours=24 * delay,
            delay=options.delay_days,
            time_text=quoted(f"{options.time}: the row's own time"),
            time_example=quoted(f"{dates.as_of:%Y-%m-%dT12:00:00Z}"),
            columns="\n".join(column(each) for each in found.guesses),
            outcome_text=quoted(f"{options.target}, as reported"),
            outcome_example=quoted(f"{outcome_time:%Y-%m-%dT12:00:00Z}"),
            key_text=quoted(f"{options.key or 'number of the row'}: names one row"),
            **row_key(found),
        )
    )
    imports = "inputs, outcome_column"
    text = re.sub(
        r'^""".*?"""',
        DATASET_TITLE,
        text,
        count=1,
        flags=re.DOTALL,
    )
    text = re.sub(r"^from functools import partial\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=\.columns import Column, ).*", imports, text)
    return exchanged(text, declared)


def row_key(found: Draft) -> dict[str, str]:
    """How the key is declared: whether it is personal, and which request IDs there may be."""
    key, why = found.options.key, found.roles.personal_key
    if not why:
        told = f"{REVIEW} it names no person; if it does, as a customer number may, add personal=True"
        return {"key_told": told if key else "# rows are numbered", "key_limits": f"pattern={REQUEST_ID}"}
    pattern = plain_pattern(found.roles.rows[key].astype("str"), MAX_TEXT) or PRINTABLE
    told = f"{REVIEW} personal ({comment(why)}): the log holds a pseudonym of it; drop personal=True if it names nobody"
    return {"key_told": told, "key_limits": f"pattern={quoted(pattern)}, personal=True"}


def column(each: Guess) -> str:
    """One input's declaration, with the reason of the guess."""
    words = [
        quoted(each.name),
        quoted(each.kind),
        quoted(each.source),
        '"prediction"',
        repr(each.example) if not isinstance(each.example, str) else quoted(each.example),
    ]
    if each.kind == "time":
        words += ['"UTC"', "calendar=True"]
    if each.limits:
        low, high = (int(value) if value == int(value) else value for value in each.limits)
        words += [f"minimum={low!r}", f"maximum={high!r}"]
    if each.categories:
        words.append(f"categories=({', '.join(map(quoted, each.categories))},)")
    if each.pattern:
        words.append(f"pattern={quoted(each.pattern)}")
    if each.nullable:
        words.append("nullable=True")
    return f"    {REVIEW} {comment(each.review)[:100]}\n    Column({', '.join(words)}),"


def features(text: str, found: Draft) -> str:
    """The example's features.py with this table's features."""
    time = found.names[found.options.time]
    texts = [each.name for each in found.guesses if each.kind == "text"]
    ages = [each.name for each in found.guesses if each.kind == "time"]
    functions = [FUNCTIONS[name].format(time=time) for name in found.calendar]
    functions += [FUNCTIONS["age"].format(time=time, name=name, age=found.age_of(name)) for name in ages]
    passed = [quoted(name) for name in found.features if name not in texts]
    listed = [*found.calendar, *found.ages, *passed]
    bands = {
        name: tuple(int(value) if value == int(value) else value for value in limits)
        for name, limits in found.bands.items()
    }
    lines = [
        *(f"{each}\n\n" for each in functions),
        "# Text, as it is: the model looks up what it learned of each.",
        f"CATEGORIES: tuple[str, ...] = ({''.join(f'{quoted(name)}, ' for name in texts)})",
        f"{REVIEW} the rule to beat: the historic rate of each pair; of all columns these two rank best",
        f"HEURISTIC = ({quoted(found.group)}, {quoted(found.banded)})",
        f"{REVIEW} limits of the bands of its numbers: equal shares of the rows",
        f"HEURISTIC_BANDS: dict[str, tuple[float, ...]] = {bands}",
        f"{REVIEW} features with which the risk may only rise (1) or only fall (-1)",
        "MONOTONIC_CONSTRAINTS: dict[str, int] = {}",
        "FEATURES: tuple[Feature, ...] = (\n    *CATEGORIES,\n" + "".join(f"    {name},\n" for name in listed) + ")",
    ]
    text = re.sub(
        r'^""".*?"""',
        FEATURES_TITLE,
        text,
        count=1,
        flags=re.DOTALL,
    )
    return exchanged(text, "\n".join(lines))


def collect(found: Draft, source: str, package: str) -> str:
    """The project's collect.py."""
    options = found.options
    columns = "\n".join(f"    {quoted(each.name)}: {quoted(each.source)}," for each in found.guesses)
    text = (
        (FILES / "collect.txt")
        .read_text(encoding="utf-8")
        .format(
            source=quoted(source),
            query=quoted(options.query),
            time=quoted(options.time),
            target=quoted(options.target),
            key=quoted(options.key),
            before=quoted(options.before),
            columns=columns,
        )
    )
    return text.replace("PACKAGE", package)


def exchanged(text: str, new: str) -> str:
    """A file with other text in place of what is between its two marked lines, and of the lines."""
    start, last = text.index(FIRST), text.index(LAST)
    end = text.find("\n", last)
    return f"{text[:start]}{new}{text[end:] if end >= 0 else ''}"


def quoted(text: str) -> str:
    """A text as a Python literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def comment(text: str) -> str:
    """A text that is safe in a comment."""
    return " ".join(text.split())
