"""API keys: with API_KEYS, only clients that send one may predict, report outcomes, or read the reports.

Open stay health, metrics, the API's description, and the page and card about the model. A route that is not named here
asks for a key. On a HOST that other machines reach, the server starts only with API_KEYS or with AUTH=proxy.
"""

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from flights.extras import api_keys
from serving.refusal import Refused, problems
from serving.service import Service

OPEN = {"/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json", "/model", "/model/card"}
OPEN |= {"/", "/form", "/page.css", "/page.js", "/board.css", "/board.js"}
ADMIN = "/admin/"  # asks for its own token in the same header
CHALLENGE = 'Bearer realm="predictions"'
NO_KEY = Refused(401, "Unauthorized", "Expected one header Authorization: Bearer KEY with a key of this server.")


def plug_in(service: Service) -> None:
    """Ask for a key if there are any.

    Raises
    ------
    SystemExit
        A key is malformed, or there is none although other machines reach the server.
    """
    settings, host = api_keys.Settings.read(), service.settings.host
    keys = api_keys.keys_of(settings.api_keys)
    if not keys and settings.auth != "proxy" and not is_loopback(host):
        raise SystemExit(
            f"HOST={host} lets other machines ask for predictions: set API_KEYS to the keys of your clients, or "
            "AUTH=proxy if only a proxy that checks them reaches this port"
        )
    if keys:
        service.app.add_middleware(KeyCheck, keys=keys, refuse=service.refuse)
        describe_keys(service.app)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a name other than localhost may be any address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_open(path: str) -> bool:
    """Whether a path asks for no key."""
    return path in OPEN or path.startswith(ADMIN)


class KeyCheck:
    """Middleware that refuses a request without a key, before anything else is read of it."""

    def __init__(self, app: ASGIApp, keys: Sequence[str], refuse: Callable[[Refused], Response]):
        self._app, self._refuse = app, refuse
        self._digests = [sha256(key.encode()).digest() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request with a key."""
        if scope["type"] != "http" or is_open(scope["path"]) or self._has_key(scope):
            await self._app(scope, receive, send)
            return
        response = self._refuse(NO_KEY)
        response.headers["WWW-Authenticate"] = CHALLENGE
        await response(scope, receive, send)

    def _has_key(self, scope: Scope) -> bool:
        """Whether the only Authorization header has a key; it takes the same time wherever a wrong key differs."""
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, key = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        digest = sha256(key).digest()
        matches = [hmac.compare_digest(digest, each) for each in self._digests]  # all of them, whichever matches
        return scheme.lower() == b"bearer" and any(matches)


def describe_keys(app: FastAPI) -> None:
    """Declare in the OpenAPI document which operations ask for a key, and how they refuse."""
    describe = app.openapi
    headers = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": CHALLENGE}}
    refusal = {"description": "No valid key", "content": problems(401)[401]["content"], "headers": headers}

    def described() -> dict[str, Any]:
        document = describe()
        document["components"]["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
        for path, operations in document["paths"].items():
            for operation in () if is_open(path) else operations.values():
                operation["security"] = [{"ApiKey": []}]
                operation["responses"]["401"] = refusal
        return document

    app.openapi = described  # type: ignore[method-assign]
