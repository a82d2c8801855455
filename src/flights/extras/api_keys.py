"""API keys: what the server checks and what our own clients send, in the form of RFC 6750: `Authorization: Bearer KEY`.

API_KEYS holds one key for each client, so that one can be replaced without the others. On a client it holds its own
key; of several the first is sent.
"""

import re
from typing import Literal

from pydantic import Field

from flights.config import EnvironmentSettings

KEY = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # what RFC 6750 allows, and too long to be guessed
EXPECTED = "expected at least 16 characters of A-Z a-z 0-9 . _ ~ + / -, as `openssl rand -hex 32` prints"


class Settings(EnvironmentSettings):
    """Who may ask."""

    api_keys: str = Field(
        "", description="Keys that clients send as Bearer, separated by commas; empty asks for none.", repr=False
    )
    auth: Literal["", "proxy"] = Field(
        "", description="`proxy` if a proxy in front checks who asks: HOST may then be any without API_KEYS."
    )


def keys_of(text: str) -> list[str]:
    """The keys of API_KEYS; a malformed one ends the process with one line that does not repeat it."""
    if not text:
        return []
    keys = [key.strip() for key in text.split(",")]
    for place, key in enumerate(keys, 1):
        if not KEY.fullmatch(key):
            raise SystemExit(f"API_KEYS, entry {place} of {len(keys)}: {EXPECTED}")
    return keys


def request_headers() -> dict[str, str]:
    """What a client of ours adds to its requests."""
    keys = keys_of(Settings.read().api_keys)
    return {"Authorization": f"Bearer {keys[0]}"} if keys else {}
