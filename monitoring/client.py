"""A client of the running service: what a replay posts."""

import time
from collections import Counter
from typing import Any

import httpx

from flights.plugins import hooks
from monitoring.traffic import Bodies

MAX_BATCH = 1000  # flights or outcomes in one request
BUSY = {429, 503}  # "come back later"
ATTEMPTS = 6
PAUSE_SECONDS = 0.2  # before the second attempt; doubled each time


def request_headers() -> dict[str, str]:
    """What plug-ins add to every request, such as an API key."""
    return {name: value for add in hooks("flights.extras", "request_headers") for name, value in add().items()}


def post_batches(client: httpx.Client, one: str, many: str, name: str, bodies: Bodies) -> Counter[str]:
    """Post in batches; a rejected batch is posted again one by one, so only what is wrong is rejected."""
    statuses: Counter[str] = Counter()
    for first in range(0, len(bodies), MAX_BATCH):
        batch = bodies[first : first + MAX_BATCH]
        status = post(client, many, {name: batch})
        if status == "200":
            statuses[status] += len(batch)
        else:
            statuses.update(post(client, one, body if one != many else {name: [body]}) for body in batch)
    return statuses


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> str:
    """Post one request and return its status; a busy server is asked again after a pause."""
    for attempt in range(ATTEMPTS):
        try:
            response = client.post(path, json=body)
        except httpx.TransportError as error:
            raise SystemExit(
                f"no server at {client.base_url} ({error}): run `make serve`, then `make replay` again"
            ) from error
        if response.status_code not in BUSY:
            return str(response.status_code)
        time.sleep(PAUSE_SECONDS * 2**attempt)
    raise SystemExit(f"{client.base_url} is not ready ({response.text[:200]}): see the server's log")
