"""Random texts that match a regular expression: what a declared pattern allows."""

import re
from collections.abc import Callable
from functools import cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np

Random = np.random.Generator
Draw = Callable[[Random], str]


def matching(random: Random, pattern: str) -> str:
    """A random text that matches a pattern."""
    draw, check = prepared(pattern)
    text = draw(random)
    assert check(text), f"expected a text like {pattern}, got {text!r}: teach `part` this syntax"
    return text


@cache
def prepared(pattern: str) -> tuple[Draw, Callable[[str], Any]]:
    """What draws a text of a pattern, and what checks one: thousands of keys have the same pattern."""
    return sequence(_parser.parse(pattern)), re.compile(pattern).match


def sequence(parsed: Any) -> Draw:
    """A random text for parsed parts, one after the other."""
    parts = [part(*each) for each in parsed]
    return parts[0] if len(parts) == 1 else lambda random: "".join([draw(random) for draw in parts])


def part(operation: Any, argument: Any) -> Draw:  # noqa: PLR0911 - one for each kind
    """A random text for one part of a parsed pattern; an anchor has none."""
    name = str(operation)
    if name == "LITERAL":
        return lambda random: chr(argument)
    if name == "RANGE":
        low, high = argument
        return lambda random: chr(random.integers(low, high + 1))
    if name == "IN":
        choices = [part(*each) for each in argument]
        return lambda random: choices[random.integers(len(choices))](random)
    if name == "CATEGORY":
        return lambda random: " " if "SPACE" in str(argument) else str(random.integers(10))
    if name in {"MAX_REPEAT", "MIN_REPEAT"}:
        low, high, repeated = argument
        end, draw = min(int(high), low + 8) + 1, sequence(repeated)
        return lambda random: "".join([draw(random) for _ in range(random.integers(low, end))])
    if name == "SUBPATTERN":
        return sequence(argument[-1])
    if name == "BRANCH":
        branches = [sequence(each) for each in argument[1]]
        return lambda random: branches[random.integers(len(branches))](random)
    return lambda random: "x" if name == "ANY" else ""
