"""The server's own log: one JSON object a line on standard error, for machines."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from flights.predictions import Prediction

logger = logging.getLogger("serving")

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message", "taskName"}


class JsonLines(logging.Formatter):
    """A record as one JSON object, with everything that was said in `extra`."""

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


def log_answer(predictions: Sequence[Prediction], seconds: float) -> None:
    """Log one answered request by the names of its predictions, which lead to everything else in the prediction log."""
    first = predictions[0]
    named = {
        "request_id": first.request_id,
        "last_request_id": predictions[-1].request_id,
        "rows": len(predictions),
        "model_version": first.model_version,
        "served_by": first.served_by,
        "milliseconds": round(1000 * seconds, 1),
    }
    logger.info("answered", extra=named)


def start_log(level: str) -> None:
    """Send all loggers' records to standard error as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
