"""Limits on bodies: their size alone and together, the time that they take, and the shape of their JSON.

The contract is flat: one object, or one list of them. Of anything else pydantic makes an error for each key that it
does not know, and copies the whole object into the error of each missing one: gigabytes, from one body of 4 MB.
The shape is checked on the bytes, which takes 1.5 ms for 1,000 flights. Parsing them first takes 5.8 ms, and an attack
of 4 MB takes 0.2 s and 86 MB.
"""

import asyncio
import re

from pydantic import Field
from starlette.types import Receive, Scope

from flights.config import EnvironmentSettings
from flights.dataset import INPUTS
from serving.fields import MAX_TEXT
from serving.refusal import CONTRACT_VIOLATED, FieldProblem, Refused
from serving.service import Service

SMALL_BODY = 65_536  # bytes up to which a body is read whatever else is in flight: MAX_REQUESTS bounds those
STRINGS = sum(column.kind in {"text", "time"} for column in INPUTS)
UNCHECKED_BYTES = 4_000  # whatever a body of this size holds costs two milliseconds
# Every letter of names and texts written as \u0041, and numbers with more digits than they have.
OBJECT_BYTES = sum(6 * (len(column.name) + (MAX_TEXT if column.kind == "text" else 30)) for column in INPUTS)
OBJECT_QUOTES = 4 * (2 + len(INPUTS) + STRINGS)  # twice as many as around all names and texts
ROW_ENDS = re.compile(rb"\}\s*,\s*\{")
NO_BRACKETS = bytes.maketrans(b"[]{}", b"____")


class Settings(EnvironmentSettings):
    """The limits."""

    max_body_bytes: int = Field(4_000_000, description="Largest body; 1,000 flights are about 1.2 MB.", gt=0)
    max_bodies_bytes: int = Field(
        64_000_000, description="All bodies in flight together; those up to 64 kB do not count.", gt=0
    )
    body_seconds: float = Field(10.0, description="For a request's body to arrive, in seconds.", gt=0)


def plug_in(service: Service) -> None:
    """Let the fast path read bodies within the limits."""
    service.read_body = BodyReader(Settings.read()).read


class BodyReader:
    """Reads bodies, and counts the bytes of those that are in flight."""

    def __init__(self, limits: Settings):
        self.bytes_in_flight = 0
        self._limits = limits
        self._turn = asyncio.Lock()

    async def read(self, scope: Scope, receive: Receive, rows: int) -> bytes:
        """Return the body of a request, which may hold a limited number of rows.

        Raises
        ------
        Refused
            It is too large, by itself or together with others, too slow, cut off, or not flat.
        """
        limits, headers = self._limits, dict(reversed(scope["headers"]))
        if int(headers.get(b"content-length", 0)) > limits.max_body_bytes:
            raise too_large(limits.max_body_bytes)
        try:
            raw = await self._whole(receive)
        except TimeoutError:
            raise Refused(
                408, "Request timeout", f"Expected the body within {limits.body_seconds:g} seconds."
            ) from None
        if not is_within_limits(raw, rows):
            shape = f"{'a list of flat objects' if rows > 1 else 'a flat object'}, of at most {OBJECT_BYTES:,} bytes"
            raise Refused(422, "Invalid request", CONTRACT_VIOLATED, [FieldProblem(field="(body)", expected=shape)])
        return raw

    async def _whole(self, receive: Receive) -> bytes:
        """Read a body, within the limit on bytes in flight."""
        limits, pieces, size, more = self._limits, [], 0, True
        counted = 0  # bytes of this body in the sum of all
        try:
            async with asyncio.timeout(limits.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "Body cut off", "Expected the whole body.")  # nobody is there to read this
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > limits.max_body_bytes:
                        raise too_large(limits.max_body_bytes)
                    if size > SMALL_BODY:
                        self.bytes_in_flight += size - counted
                        counted = size
                        if self.bytes_in_flight > limits.max_bodies_bytes:
                            raise Refused(503, "Overloaded", "Too many large bodies are under way.", retry_after=1)
                    more = message.get("more_body", False)
            if counted:
                async with self._turn:  # one per turn of the event loop, so that other requests are heard between two
                    await asyncio.sleep(0)
            return b"".join(pieces)
        finally:
            self.bytes_in_flight -= counted


def too_large(max_bytes: int) -> Refused:
    """Refuse a body that would fill the memory."""
    return Refused(413, "Body too large", f"Expected at most {max_bytes:,} bytes.")


def is_within_limits(raw: bytes, rows: int) -> bool:
    """Whether a body is as flat, and its objects as small, as the contract's can be; it may not be JSON at all.

    Parameters
    ----------
    rows
        Objects that its list may have; 1: no list. Up to twice as many pass, to be refused with a field's name.
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
    """Whether a body has a list besides that of its rows."""
    own = raw.find(b"[") if rows > 1 else -1
    return raw.find(b"[", own + 1) >= 0


def without_brackets_in_texts(raw: bytes) -> bytes:
    """The same JSON text, of the same length, with its strings' brackets replaced."""
    parts = raw.replace(rb"\\", b"__").replace(rb"\"", b"__").split(b'"')
    parts[1::2] = [part.translate(NO_BRACKETS) for part in parts[1::2]]
    return b'"'.join(parts)
