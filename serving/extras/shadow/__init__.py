"""Shadow and canary: a second version on live traffic. Off until `make challenge` starts one."""

from serving.extras.shadow import log
from serving.extras.shadow.routes import admin_routes
from serving.extras.shadow.scoring import SecondVersion, Settings
from serving.service import Service

__all__ = ["LOG_TABLES", "admin_routes", "plug_in"]

LOG_TABLES = ((log.NAME, "scored_at"),)


def plug_in(service: Service) -> None:
    """Follow the history of challenges."""
    service.log.tables += log.TABLES
    second = SecondVersion(service, Settings.read())
    service.followers.append(second)
    service.details["challenger"] = second.state
