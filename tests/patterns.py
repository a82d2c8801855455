"""Random texts that match a regular expression: what a declared pattern allows."""

import re
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np

Random = np.random.Generator


def matching(random: Random, pattern: str) -> str:
    """A random text that matches a pattern."""
    text = "".join(part(random, *each) for each in _parser.parse(pattern))
    assert re.match(pattern, text), f"expected a text like {pattern}, got {text!r}: teach `part` this syntax"
    return text


def part(random: Random, operation: Any, argument: Any) -> str:
    """A random text for one part of a parsed pattern; an anchor has none."""
    name = str(operation)
    if name in {"LITERAL", "RANGE"}:
        low, high = (argument, argument) if name == "LITERAL" else argument
        return chr(random.integers(low, high + 1))
    if name == "IN":
        return part(random, *argument[random.integers(len(argument))])
    if name == "CATEGORY":
        return str(random.integers(10)) if "SPACE" not in str(argument) else " "
    if name in {"MAX_REPEAT", "MIN_REPEAT"}:
        low, high, repeated = argument
        times = random.integers(low, min(int(high), low + 8) + 1)
        return "".join(part(random, *each) for _ in range(times) for each in repeated)
    if name in {"SUBPATTERN", "BRANCH"}:
        chosen = argument[-1] if name == "SUBPATTERN" else argument[1][random.integers(len(argument[1]))]
        return "".join(part(random, *each) for each in chosen)
    return "x" if name == "ANY" else ""
