"""What an operator may tell a running service: look at the registry now, let a canary answer, go back a champion.

These routes are there only where ADMIN_TOKEN is set, and answer only to whoever sends it.
"""

import asyncio
import hmac
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import Field
from starlette.exceptions import HTTPException

from flights.challenger import WITHDRAW, ChallengeRefused, challenge, end, latest
from flights.registry import ModelRefused, PromotionRefused, rollback
from serving.lean import PlainRoute
from serving.refusal import EXPECTED, Refused, problems
from serving.request import Body
from serving.service import Service

FEWEST = 16  # characters of a token: fewer can be guessed


class Canary(Body):
    """Which version runs beside the champion, and for how many flights it answers."""

    version: int = Field(description="A published version that the gate passed.", ge=1)
    share: float = Field(description="Share of the flights that it answers; 0 is a shadow.", ge=0, le=1)


def plug_in(service: Service) -> None:
    """Add the routes, where there is a token.

    Raises
    ------
    ValueError
        The token is too short.
    """
    token = service.settings.admin_token
    if not token:
        return
    if len(token) < FEWEST:
        raise ValueError(f"ADMIN_TOKEN: expected at least {FEWEST} characters, got {len(token)}")
    EXPECTED.update({"version": "a published version", "share": "a number, 0 to 1"})
    router = APIRouter(
        prefix="/admin", dependencies=[Depends(only_with(token))], responses=problems(401, 409, 422, 503)
    )
    add_routes(router, service)
    service.app.include_router(router)


def only_with(token: str) -> Callable[[str], None]:
    """Refuse whoever does not send the token; the comparison takes equally long wherever the two differ."""
    expected = f"Bearer {token}".encode()

    def check(authorization: Annotated[str, Header(include_in_schema=False)] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), expected):
            raise HTTPException(401, "Expected the admin token", {"WWW-Authenticate": "Bearer"})

    return check


def add_routes(router: APIRouter, service: Service) -> None:
    """What an operator may do; each answers with how things stand after it."""
    models_dir = service.settings.models_dir

    async def reload() -> dict[str, str]:
        """Look at the registry now."""
        service.active.look_again()
        for follower in service.followers:
            await changed(follower.follow)
        return standing(service)

    async def canary(canary: Canary) -> dict[str, str]:
        """Run a version beside the champion."""
        await changed(challenge, models_dir, canary.version, canary.share, "asked for by an operator")
        return await reload()

    async def withdraw() -> dict[str, str]:
        """Let the champion answer everything again."""
        running = await changed(latest, models_dir)
        if running is None or not running.runs:
            raise Refused(409, "Nothing to withdraw", "No version runs beside the champion.")
        await changed(end, models_dir, running, WITHDRAW, "asked for by an operator")
        return await reload()

    async def back() -> dict[str, str]:
        """Make the previous champion champion again."""
        await changed(rollback, models_dir)
        return await reload()

    router.add_api_route("/reload", reload, methods=["POST"])
    router.add_api_route("/canary", canary, methods=["POST"], route_class_override=PlainRoute)
    router.add_api_route("/canary", withdraw, methods=["DELETE"])
    router.add_api_route("/rollback", back, methods=["POST"])


async def changed(act: Callable[..., object], *words: Any) -> Any:
    """Change the registry, or look at it; returns what that does.

    Raises
    ------
    Refused
        The registry did not allow it, or cannot be written.
    """
    try:
        return await asyncio.to_thread(act, *words)
    except (ChallengeRefused, ModelRefused, PromotionRefused) as error:
        raise Refused(409, "Refused by the registry", str(error)) from None
    except OSError:
        raise Refused(503, "Registry not written", "Expected a registry that this server may write.") from None


def standing(service: Service) -> dict[str, str]:
    """Who answers, and what runs beside it."""
    model = service.active.answering
    details = {name: say() for name, say in service.details.items()}
    return {"version": str(model.version) if model else "none", "refused": service.active.refused} | details
