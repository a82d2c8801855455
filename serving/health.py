"""The routes that say how the service is doing."""

from typing import Any

from flights.registry import Model
from serving.log_connection import LogUnavailable
from serving.refusal import NOT_READY, Refused, problems
from serving.service import Service

MAX_COMMIT_SECONDS = 4.0  # that a request may wait for its commit before the log counts as unavailable


def add_health_routes(service: Service) -> None:
    """Liveness, readiness, and the model that answers."""
    router, holder = service.app.router, service.holder

    def answering(title: str) -> Model:
        if holder.answering is None:
            raise Refused(503, title, holder.unavailable_reason(), retry_after=5)
        return holder.answering

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "live"}

    @router.get("/health/ready", responses=problems(503))
    async def ready() -> dict[str, str]:
        """Tell whether predictions can be given: there is a model, and the log can be written."""
        model = answering(NOT_READY)
        if not await log_can_be_written(service):
            raise Refused(503, NOT_READY, "The prediction log cannot be written.", retry_after=1)
        details = {name: describe() for name, describe in service.details.items()}
        return {"status": "ready", "served_by": model.served_by, "refused": holder.rejected} | details

    @router.get("/model", responses=problems(503))
    async def describe() -> dict[str, Any]:
        """Describe the model that answers."""
        model = answering("No model")
        return {
            "version": model.version,
            "digest": model.digest,
            "threshold": model.threshold,
            "refused": holder.rejected,
            "manifest": model.manifest,
        }


async def log_can_be_written(service: Service) -> bool:
    """Whether the last write succeeded and its files are still there, or one succeeds now, in time."""
    log = service.log
    if service.scorer.lag() > MAX_COMMIT_SECONDS:
        return False
    replaced = log.available and not log.dialect.is_current()
    if replaced:
        log.available = False
    try:
        works = log.available or await service.scorer.log_thread.run(log.check)
    except LogUnavailable:
        return False
    return works and not replaced  # so that at least one probe tells that files were deleted or replaced
