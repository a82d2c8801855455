"""The routes that take a body: FastAPI's own way, and a lean one that answers the same in less time.

The lean route validates the raw bytes with the body model's own validator and writes the answer with the response
model's own serializer. It leaves out what these endpoints do not use (dependencies, background tasks, validating our
own answer); OpenAPI, statuses, bodies and errors stay the same.
"""

import asyncio
import inspect
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from serving.refusal import Refused, invalid, malformed
from serving.request import has_repeated_keys

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

MAX_BODY_BYTES = 4_000_000  # 1,000 flights are about 1.2 MB
BODY_SECONDS = 10.0  # for the body to arrive
JSON_TYPE = re.compile(r'\s*application/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?;?', re.IGNORECASE)


class PlainRoute(APIRoute):
    """FastAPI's handling, after the checks that it does not have: size, type, strict JSON, and keys given twice."""

    def get_route_handler(self) -> Handler:
        """Return the handler of one request."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            raw = await body_bytes(request)
            try:
                from_json(raw)  # the lean route's parser, which is stricter than FastAPI's
            except ValueError:
                raise malformed() from None
            if has_repeated_keys(raw):
                raise repeated_keys()
            response: Response = await handle(request)
            return response

        return handler


class LeanRoute(APIRoute):
    """The same endpoint, body, answer and errors with less on the way."""

    def get_route_handler(self) -> Handler:
        """Return the handler of one request."""
        endpoint = self.endpoint
        validate = _body_model(self).__pydantic_validator__.validate_json
        serialize = self.response_model.__pydantic_serializer__.to_json

        async def handler(request: Request) -> Response:
            raw = await body_bytes(request)
            try:
                body = validate(raw)
            except ValidationError as error:
                raise invalid(error.errors(include_url=False, include_context=False, include_input=False)) from None
            if raw.count(b'"') != body.quotes() and has_repeated_keys(raw):
                raise repeated_keys()
            return Response(serialize(await endpoint(body)), media_type="application/json")

        return handler


async def body_bytes(request: Request) -> bytes:
    """Return the body, and keep it where FastAPI looks for it.

    Raises
    ------
    Refused
        It is no JSON by its type, too large, or too slow.
    """
    headers = request.headers
    if (
        not JSON_TYPE.fullmatch(headers.get("content-type", ""))
        or headers.get("content-encoding", "identity") != "identity"
    ):
        raise Refused(415, "Unsupported media type", "Expected Content-Type: application/json, in UTF-8, not encoded.")
    if int(headers.get("content-length", 0)) > MAX_BODY_BYTES:
        raise too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            request._body = await _limited(request)
    except TimeoutError:
        raise Refused(408, "Request timeout", f"Expected the body within {BODY_SECONDS:g} seconds.") from None
    except ClientDisconnect:
        raise Refused(400, "Body cut off", "Expected the whole body.") from None  # nobody is there to read this
    return request._body


def repeated_keys() -> Refused:
    """Refuse a body that says two things under one name."""
    return Refused(400, "Malformed body", "Expected every key at most once.")


def too_large() -> Refused:
    """Refuse a body that would fill the memory."""
    return Refused(413, "Body too large", f"Expected at most {MAX_BODY_BYTES:,} bytes.")


async def _limited(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _body_model(route: APIRoute) -> type[BaseModel]:
    """Return the one parameter of the endpoint: the model of its body."""
    (parameter,) = inspect.signature(route.endpoint, eval_str=True).parameters.values()
    model: type[Any] = parameter.annotation
    return model
