"""Refusals as problem details (RFC 9457): small, with the field and what was expected, and no input repeated."""

import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from flights.contract import allowed
from flights.dataset import INPUTS, OUTCOME, ROW_KEY, ROWS
from serving.fields import MAX_TEXT
from serving.request import MAX_ROWS, REPORTED

logger = logging.getLogger("serving")

PROBLEM_JSON = "application/problem+json"
STATUSES = (400, 408, 409, 413, 415, 422, 503)
NOT_READY = "Not ready"
CONTRACT_VIOLATED = "The request body violates the data contract."
MAX_ERRORS = 10  # fields named in one refusal


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str
    expected: str


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str = Field(description="Names this refusal in the server's log.")
    errors: list[FieldProblem] = []


class Refused(Exception):
    """A request that is not answered, with the status and the words that the client gets."""

    def __init__(
        self, status: int, title: str, detail: str, errors: Sequence[FieldProblem] = (), retry_after: int | None = None
    ):
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail
        self.errors, self.retry_after = list(errors), retry_after


def problem_response(refused: Refused) -> Response:
    """Turn a refusal into its response, and log it under the same name."""
    instance = f"urn:uuid:{uuid.uuid4()}"
    problem = Problem(
        title=refused.title, status=refused.status, detail=refused.detail, instance=instance, errors=refused.errors
    )
    fields = [error.field for error in refused.errors]
    level = logging.DEBUG if refused.title == NOT_READY else logging.WARNING  # probes ask every few seconds
    logger.log(level, refused.title, extra={"status": refused.status, "instance": instance, "fields": fields})
    headers = {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
    return Response(problem.model_dump_json(), refused.status, headers, PROBLEM_JSON)


def invalid(errors: Sequence[Any]) -> Refused:
    """Turn pydantic's error list into a refusal that echoes nothing of the input."""
    if any(error["type"] in {"json_invalid", "string_unicode"} for error in errors):
        return Refused(400, "Malformed body", "Expected one JSON text in UTF-8.")
    problems = [FieldProblem(field=_field(error), expected=_expected(error)) for error in errors[:MAX_ERRORS]]
    return Refused(422, "Invalid request", CONTRACT_VIOLATED, problems)


def _field(error: dict[str, Any]) -> str:
    """Write an error's place as `flights[3].carrier`; an unknown key is the client's text, so it is not repeated."""
    path = list(error["loc"])
    if error["type"] == "extra_forbidden":
        path[-1] = "(unknown key)"
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "(body)"


def _expected(error: dict[str, Any]) -> str:
    kind, loc = error["type"], error["loc"]
    name = loc[-1] if loc else None
    if kind == "extra_forbidden":
        return "only keys of the contract"
    if isinstance(name, str) and name in EXPECTED:
        return ("present: " if kind == "missing" else "") + EXPECTED[name]
    return "a JSON object"


_KINDS = {"text": "text", "integer": "an integer", "number": "a finite number", "time": "ISO 8601 time with an offset"}
EXPECTED = {column.name: f"{_KINDS[column.kind]}, {allowed(column)}".removesuffix(", any") for column in INPUTS} | {
    "request_id": f"text of 1 to {MAX_TEXT} " + ("characters" if ROW_KEY.personal else "letters, digits and ._:-"),
    ROWS: f"a list of 1 to {MAX_ROWS} {ROWS}",
    "outcomes": f"a list of 1 to {MAX_ROWS} outcomes",
    "known_at": "ISO 8601 time with an offset",
    OUTCOME: f"{_KINDS[REPORTED.kind]}, {allowed(REPORTED)}",
}


def log_unavailable() -> Refused:
    """Refuse because a prediction that cannot be logged is not given."""
    return Refused(503, "Prediction log unavailable", "What cannot be logged is not answered.", retry_after=1)


def id_taken() -> Refused:
    """Refuse a request ID that was used for other inputs."""
    errors = [FieldProblem(field="request_id", expected="a name that was not used for other inputs")]
    return Refused(409, "Request id taken", "The name was used before, for other inputs.", errors)


def answer_problems(app: FastAPI, refuse: Callable[[Refused], Response]) -> None:
    """Answer every error of FastAPI with problem details."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)  # noqa: S101
        return refuse(error)

    @app.exception_handler(HTTPException)
    async def not_here(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        response = refuse(Refused(error.status_code, error.detail, "See /docs for what there is."))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> Response:
        return refuse(Refused(500, "Internal error", "The server's log has the reason."))


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of refusals."""
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "Refused", "model": Problem, "content": content} for status in statuses or STATUSES}
