"""The endpoints that take a body: FastAPI's own way, and a lean one before it that answers the same in less time.

The lean way validates the raw bytes with the body model's own validator and writes the answer with the response
model's own serializer. It leaves out what these endpoints do not use (routing by pattern, request and response
objects, dependencies, background tasks, validating our own answer); OpenAPI, statuses, bodies and errors stay the same.
"""

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from flights.config import Settings
from serving.bounds import OBJECT_BYTES, keeps_bounds
from serving.refusal import NOT_KEPT, FieldProblem, Refused, invalid, malformed
from serving.request import MAX_ROWS, Identified, Outcomes, has_repeated_keys

JSON_TYPE = re.compile(rb'\s*application/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?;?', re.IGNORECASE)
JSON_HEADER = (b"content-type", b"application/json")

SMALL_BODY = 65_536  # bytes up to which a body is taken however many others are under way: MAX_REQUESTS bounds those

Refuse = Callable[[Refused], Response]
Answering = Callable[[bytes, State], Awaitable[bytes]]


class PlainRoute(APIRoute):
    """FastAPI's handling, after the checks that it does not have: size, type, strict JSON, and keys given twice."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of one request."""
        handle, model = super().get_route_handler(), _body_model(self)

        async def handler(request: Request) -> Response:
            raw = await body_bytes(request.scope, request.receive)
            request._body = raw  # FastAPI looks for it there
            admit(raw, model, request.app.state)
            try:
                from_json(raw)  # the lean way's parser, which is stricter than FastAPI's
            except ValueError:
                raise malformed() from None
            if has_repeated_keys(raw):
                raise repeated_keys()
            response: Response = await handle(request)
            return response

        return handler


def lean(app: ASGIApp, routes: Iterable[APIRoute], refuse: Refuse) -> ASGIApp:
    """Make a middleware that answers what is posted to some routes, and hands on everything else."""
    answering = {route.path: _answering(route) for route in routes}

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        answer = answering.get(scope.get("path", "")) if scope.get("method") == "POST" else None
        if answer is None:
            await app(scope, receive, send)
            return
        try:
            content = await answer(await body_bytes(scope, receive), scope["app"].state)
        except Refused as refused:
            await refuse(refused)(scope, receive, send)
            return
        headers = [JSON_HEADER, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return service


def _answering(route: APIRoute) -> Answering:
    """The route's endpoint as a function of bytes."""
    endpoint, model = route.endpoint, _body_model(route)
    validate = model.__pydantic_validator__.validate_json
    serialize = route.response_model.__pydantic_serializer__.to_json

    async def answer(raw: bytes, state: State) -> bytes:
        admit(raw, model, state)
        try:
            body = validate(raw)
        except ValidationError as error:
            refused = invalid(error.errors(include_url=False, include_context=False, include_input=False))
            twice = refused.errors and has_repeated_keys(raw)  # which FastAPI's own way looks for first
            raise (repeated_keys() if twice else refused) from None
        if raw.count(b'"') != body.quotes() and has_repeated_keys(raw):
            raise repeated_keys()
        del raw  # it may be large, and the answer may take its time
        said = await endpoint(body)
        return bytes(said.body if isinstance(said, Response) else serialize(said))

    return answer


def _body_model(route: APIRoute) -> type[BaseModel]:
    """Return the one parameter of the endpoint: the model of its body."""
    (parameter,) = inspect.signature(route.endpoint, eval_str=True).parameters.values()
    model: type[Any] = parameter.annotation
    return model


def admit(raw: bytes, model: type[BaseModel], state: State) -> None:
    """Refuse, before anything is made of it, a body that would cost too much, or that there is no room for now."""
    rows = 1 if issubclass(model, Identified) else MAX_ROWS
    if not keeps_bounds(raw, rows):
        limits = f"{'a list of flat objects' if rows > 1 else 'a flat object'}, of at most {OBJECT_BYTES:,} bytes"
        raise Refused(422, "Invalid request", NOT_KEPT, [FieldProblem(field="(body)", expected=limits)])
    if model is not Outcomes:
        state.admit(max(1, raw.count(b"{") - 1))


async def body_bytes(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a request.

    Raises
    ------
    Refused
        It is no JSON by its type, too large, by itself or with the others under way, too slow, or cut off.
    """
    limits: Settings = scope["app"].state.settings
    headers = dict(reversed(scope["headers"]))  # of a header given twice the first one counts
    if (
        not JSON_TYPE.fullmatch(headers.get(b"content-type", b""))
        or headers.get(b"content-encoding", b"identity") != b"identity"
    ):
        raise Refused(415, "Unsupported media type", "Expected Content-Type: application/json, in UTF-8, not encoded.")
    if int(headers.get(b"content-length", 0)) > limits.max_body_bytes:
        raise too_large(limits.max_body_bytes)
    try:
        return await _whole(receive, limits, scope["app"].state)
    except TimeoutError:
        raise Refused(408, "Request timeout", f"Expected the body within {limits.body_seconds:g} seconds.") from None


async def _whole(receive: Receive, limits: Settings, state: State) -> bytes:
    """Put the pieces together, as long as there is room for them beside those of the other large bodies."""
    pieces, size, more = [], 0, True
    counted = 0  # of this body in the sum of all
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
                    state.body_bytes += size - counted
                    counted = size
                    if state.body_bytes > limits.max_bodies_bytes:
                        raise Refused(503, "Overloaded", "Too many large bodies are under way.", retry_after=1)
                more = message.get("more_body", False)
        if counted:
            async with state.large_body:  # one in a turn of the event loop: others are heard between two
                await asyncio.sleep(0)
        return b"".join(pieces)
    finally:
        if counted:
            state.body_bytes -= counted


def repeated_keys() -> Refused:
    """Refuse a body that says two things under one name."""
    return Refused(400, "Malformed body", "Expected every key at most once.")


def too_large(max_bytes: int) -> Refused:
    """Refuse a body that would fill the memory."""
    return Refused(413, "Body too large", f"Expected at most {max_bytes:,} bytes.")
