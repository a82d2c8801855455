"""What an operator may tell a running service about the second version, below /admin."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from serving.extras.shadow.history import WITHDRAW, challenge, end, latest
from serving.fast_path import check_type
from serving.refusal import EXPECTED, Refused
from serving.request import Body
from serving.service import Service

BY_OPERATOR = "asked for by an operator"


class Canary(Body):
    """Which second version runs, and for how many flights it answers."""

    version: int = Field(description="A published version that the gate passed.", ge=1)
    share: float = Field(description="Share of the flights that it answers; 0 is a shadow.", ge=0, le=1)

    def strings(self) -> int:
        """Two keys."""
        return 2


def admin_routes(
    router: APIRouter, service: Service, changed: Callable[..., Coroutine[Any, Any, dict[str, str]]]
) -> None:
    """Start and withdraw a canary; `changed` calls a function of the registry and says how things stand after it."""
    models_dir = service.settings.models_dir
    EXPECTED.update({"version": "a published version", "share": "a number, 0 to 1"})

    async def canary(request: Request) -> dict[str, str]:
        """Run a version as shadow or canary."""
        check_type(request.scope)
        body = service.parse(Canary, await service.read_body(request.scope, request.receive, 1))
        return await changed(challenge, models_dir, body.version, body.share, BY_OPERATOR)

    async def withdraw() -> dict[str, str]:
        """Let the champion answer everything again."""

        def stop() -> None:
            running = latest(models_dir)
            if running is None or not running.runs:
                raise Refused(409, "Nothing to withdraw", "No version runs as shadow or canary.")
            end(models_dir, running, WITHDRAW, BY_OPERATOR)

        return await changed(stop)

    schema = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": Canary.model_json_schema()}}}
    }
    router.add_api_route("/canary", canary, methods=["POST"], openapi_extra=schema)
    router.add_api_route("/canary", withdraw, methods=["DELETE"])
