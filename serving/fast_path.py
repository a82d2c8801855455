"""The routes that take a body, from bytes to bytes. FastAPI documents them, and serves everything else.

FastAPI's router, request objects and dependencies would double the CPU time of an answer.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.refusal import Refused, invalid
from serving.request import Body

if TYPE_CHECKING:
    from serving.service import Service

JSON_TYPE = re.compile(rb'\s*application/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?;?', re.IGNORECASE)
JSON_HEADER = (b"content-type", b"application/json")

Parsed = TypeVar("Parsed", bound=Body)
ReadBody = Callable[[Scope, Receive, int], Awaitable[bytes]]
Parse = Callable[[type[Any], bytes], Any]


@dataclass(frozen=True)
class Endpoint:
    """What is behind a path: the function, and the body that it takes."""

    function: Callable[[Any], Awaitable[bytes]]
    body: type[Body]
    max_rows: int  # objects in the body's list; 1: the body is one object
    check_capacity: Callable[[int], None] | None = None  # told the number of rows before they are parsed


class FastPath:
    """Middleware that answers what is posted to the service's endpoints."""

    def __init__(self, app: ASGIApp, service: "Service"):
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        endpoint = self._service.endpoints.get(scope.get("path", "")) if scope.get("method") == "POST" else None
        if endpoint is None:
            if scope.get("method") == "HEAD":  # answered like GET; uvicorn sends the headers alone
                scope = {**scope, "method": "GET"}
            await self._app(scope, receive, send)
            return
        try:
            content = await self._answer(endpoint, scope, receive)
        except Refused as refused:
            await self._service.refuse(refused)(scope, receive, send)
            return
        headers = [JSON_HEADER, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, endpoint: Endpoint, scope: Scope, receive: Receive) -> bytes:
        check_type(scope)
        raw = await self._service.read_body(scope, receive, endpoint.max_rows)
        if endpoint.check_capacity is not None:
            endpoint.check_capacity(max(1, raw.count(b"{") - 1))
        body = self._service.parse(endpoint.body, raw)
        del raw  # it may be large, and the answer may take its time
        return await endpoint.function(body)


def check_type(scope: Scope) -> None:
    """Raise `Refused` if a body is not JSON by its headers."""
    headers = dict(reversed(scope["headers"]))  # of a header given twice the first one counts
    if (
        not JSON_TYPE.fullmatch(headers.get(b"content-type", b""))
        or headers.get(b"content-encoding", b"identity") != b"identity"
    ):
        raise Refused(415, "Unsupported media type", "Expected Content-Type: application/json, in UTF-8, not encoded.")


def parse(model: type[Parsed], raw: bytes) -> Parsed:
    """Validate a body, or raise `Refused`; the plug-in `repeated_keys` rejects keys that are there twice."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_context=False, include_input=False)) from None


async def whole_body(_: Scope, receive: Receive, __: int) -> bytes:
    """Read a body of any size; the plug-in `body_limits` reads it within limits."""
    pieces, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "Body cut off", "Expected the whole body.")  # nobody is there to read this
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)
