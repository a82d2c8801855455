"""Parse a body strictly: JSON as the contract has it, with every key at most once."""

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from serving.refusal import Refused, invalid
from serving.request import Body

Parsed = TypeVar("Parsed", bound=Body)


def parse(model: type[Parsed], raw: bytes) -> Parsed:
    """Validate a body.

    A parser silently keeps the last of two equal keys. Looking at every key takes as long as validating the body again
    (61 us and 65 us for one flight, both measured in one run). Comparing the number of quotation marks with that of
    the strings in the result takes 1 us, so only a body in which they differ is looked at key by key.

    Raises
    ------
    Refused
        It is not JSON, violates the contract, or has a key twice.
    """
    try:
        body = model.model_validate_json(raw)
    except ValidationError as error:
        refused = invalid(error.errors(include_url=False, include_context=False, include_input=False))
        if refused.errors and has_repeated_keys(raw):
            raise repeated_keys() from None
        raise refused from None
    if raw.count(b'"') != 2 * body.strings() and has_repeated_keys(raw):
        raise repeated_keys()
    return body


def has_repeated_keys(raw: bytes) -> bool:
    """Whether an object in a JSON text has a key twice."""
    repeated = False

    def check(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) < len(pairs)

    try:
        json.loads(raw, object_pairs_hook=check)
    except (ValueError, RecursionError):
        return False  # not JSON, which is reported elsewhere
    return repeated


def repeated_keys() -> Refused:
    """Reject a body that has a key twice."""
    return Refused(400, "Malformed body", "Expected every key at most once.")
