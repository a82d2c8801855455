"""How large the parts of a body may be, looked at before anything is made of them.

The contract is flat: one object, or one list of them. Of anything else pydantic makes an error for each key that it
does not know, and into the error of each missing one it copies the whole object: gigabytes, from one body of 4 MB.
"""

import re

from flights.dataset import INPUTS
from serving.request import MAX_TEXT, STRING_NAMES

UNCHECKED_BYTES = 4_000  # whatever a body of this size holds costs two milliseconds
# Every letter of names and texts written as \u0041, and numbers with more digits than they have.
OBJECT_BYTES = sum(6 * (len(column.name) + (MAX_TEXT if column.kind == "text" else 30)) for column in INPUTS)
OBJECT_QUOTES = 4 * (1 + len(INPUTS) + len(STRING_NAMES))  # twice as many as around all names and texts
ROW_ENDS = re.compile(rb"\}\s*,\s*\{")
NO_BRACKETS = bytes.maketrans(b"[]{}", b"____")


def keeps_bounds(raw: bytes, rows: int) -> bool:
    """Whether a body is as flat and its objects as small as the contract's can be; if it is JSON, others say.

    Parameters
    ----------
    rows
        How many objects may be in its list; 1 is no list. Up to twice as many are let by, to be refused by name.
    """
    if len(raw) <= UNCHECKED_BYTES:
        return True
    raw = raw.strip()
    pieces = ROW_ENDS.split(raw, 2 * rows)
    quotes = [piece.count(b'"') for piece in pieces]  # once: it takes as long as all else together
    if sum(quotes) > rows * OBJECT_QUOTES:
        return False
    if b"\\" in raw or has_more_lists(raw, rows) or any(count % 2 for count in quotes):
        raw = without_brackets_in_texts(raw)
        pieces = ROW_ENDS.split(raw, 2 * rows)
        quotes = [piece.count(b'"') for piece in pieces]
    return not has_more_lists(raw, rows) and max(map(len, pieces)) <= OBJECT_BYTES and max(quotes) <= OBJECT_QUOTES


def has_more_lists(raw: bytes, rows: int) -> bool:
    """Whether a body has another list than that of its rows."""
    own = raw.find(b"[") if rows > 1 else -1
    return raw.find(b"[", own + 1) >= 0


def without_brackets_in_texts(raw: bytes) -> bytes:
    """A JSON text of the same length in which every bracket is one."""
    parts = raw.replace(rb"\\", b"__").replace(rb"\"", b"__").split(b'"')
    parts[1::2] = [part.translate(NO_BRACKETS) for part in parts[1::2]]
    return b'"'.join(parts)
