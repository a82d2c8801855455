"""The server's own log: one JSON object a line on standard error, for machines."""

import json
import logging
from datetime import UTC, datetime

from pydantic import Field

from flights.config import EnvironmentSettings

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message", "taskName"}


class Settings(EnvironmentSettings):
    """What is logged."""

    log_level: str = Field("INFO", description="Least severe level that the server logs.")


class JsonLines(logging.Formatter):
    """A record as one JSON object, with everything that was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        content: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content, default=str)


def start_log() -> None:
    """Send all loggers' records to standard error as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=Settings.read().log_level.upper(), handlers=[handler], force=True)
