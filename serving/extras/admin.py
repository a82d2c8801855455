"""What an operator may tell a running service: look at the registry now, or roll the champion back.

The routes exist only if ADMIN_TOKEN is set, and answer only to a client that sends it.
"""

import asyncio
import hmac
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from pydantic import Field
from starlette.exceptions import HTTPException

from flights.config import EnvironmentSettings
from flights.plugins import hooks
from flights.registry import rollback
from serving.refusal import Refused, problems
from serving.service import EXTRAS, Service

MIN_TOKEN = 16  # characters of a token: a shorter one can be guessed


class Settings(EnvironmentSettings):
    """The token."""

    admin_token: str = Field("", description="Token of the routes below /admin; empty: no such routes.", repr=False)


def plug_in(service: Service) -> None:
    """Add the routes if there is a token.

    Raises
    ------
    ValueError
        The token is too short.
    """
    token = Settings.read().admin_token
    if not token:
        return
    if len(token) < MIN_TOKEN:
        raise ValueError(f"ADMIN_TOKEN: expected at least {MIN_TOKEN} characters, got {len(token)}")
    router = APIRouter(
        prefix="/admin", dependencies=[Depends(only_with(token))], responses=problems(401, 409, 422, 503)
    )
    add_routes(router, service)
    service.app.include_router(router)


def only_with(token: str) -> Callable[[str], None]:
    """Deny access without the token; the comparison takes the same time wherever the two differ."""
    expected = f"Bearer {token}".encode()

    def check(authorization: Annotated[str, Header(include_in_schema=False)] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), expected):
            raise HTTPException(401, "Expected the admin token", {"WWW-Authenticate": "Bearer"})

    return check


def add_routes(router: APIRouter, service: Service) -> None:
    """Add the routes; each answers with the state after it."""

    async def changed(act: Callable[..., object], *arguments: Any) -> dict[str, str]:
        await in_thread(act, *arguments)
        return await reload()

    async def reload() -> dict[str, str]:
        """Look at the registry now."""
        service.holder.retry_now()
        for follower in service.followers:
            await in_thread(follower.follow)
        model = service.holder.answering
        details = {name: describe() for name, describe in service.details.items()}
        return {"version": str(model.version) if model else "none", "refused": service.holder.rejected} | details

    async def back() -> dict[str, str]:
        """Make the previous champion champion again."""
        return await changed(rollback, service.settings.models_dir)

    router.add_api_route("/reload", reload, methods=["POST"])
    for add_more in hooks(EXTRAS, "admin_routes"):
        add_more(router, service, changed)
    router.add_api_route("/rollback", back, methods=["POST"])


async def in_thread(act: Callable[..., object], *arguments: Any) -> None:
    """Change the registry, or read it.

    Raises
    ------
    Refused
        The registry did not allow it, or cannot be written.
    """
    try:
        await asyncio.to_thread(act, *arguments)
    except Refused:
        raise
    except RuntimeError as error:  # the registry's own errors
        raise Refused(409, "Refused by the registry", str(error)) from None
    except OSError:
        raise Refused(503, "Registry not written", "Expected a registry that this server may write.") from None
