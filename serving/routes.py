"""The routes that take a body: registered with FastAPI for its documentation, and with the fast path for their work."""

from typing import Any

from pydantic import BaseModel

from flights.dataset import ROWS
from serving.answer import Answer, Answers, Endpoints, Receipt
from serving.fast_path import Endpoint
from serving.refusal import problems
from serving.request import MAX_ROWS, Flight, Flights, Outcomes, example
from serving.service import Service


def add_routes(service: Service) -> None:
    """One flight, several, and their outcomes."""
    does, check = Endpoints(service.scorer, service.log), service.scorer.check_capacity
    add(service, "/predict", Endpoint(does.predict, Flight, 1, check), Answer, example())
    add(service, "/predict/batch", Endpoint(does.predict_batch, Flights, MAX_ROWS, check), Answers, {ROWS: [example()]})
    add(service, "/outcomes", Endpoint(does.outcomes, Outcomes, MAX_ROWS), Receipt, None)


def add(service: Service, path: str, endpoint: Endpoint, answer: type[BaseModel], body: dict[str, Any] | None) -> None:
    """Register one route; `body` is OpenAPI's example."""
    content = {"requestBody": {"content": {"application/json": {"example": body}}}} if body else None
    service.endpoints[path] = endpoint
    service.app.router.add_api_route(
        path, endpoint.function, response_model=answer, methods=["POST"], responses=problems(), openapi_extra=content
    )
