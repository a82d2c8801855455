"""The model that answers: the champion of the registry, followed while the service runs.

A new champion replaces the old one in one assignment. If it does not load, the old one stays, and the new one is tried
again at growing intervals: the cause may pass, such as a folder that is not mounted yet.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from flights.config import NAME
from flights.registry import Model, ModelRefused, champion, load

logger = logging.getLogger("serving")

MAX_WAIT = 60.0  # seconds between two attempts to load a rejected champion

Preflight = Callable[[Path, int], AbstractContextManager[None]]


class ChampionHolder:
    """Holds the champion, or the reason why there is none."""

    def __init__(self, models_dir: Path, seconds: float = 1.0):
        self.model: Model | None = None
        self.fallback: Model | None = None  # answers if there is no champion, or it fails on a request; a plug-in's
        self.rejected = ""  # why the champion of the registry does not answer
        self.preflight: Preflight = lambda *_: nullcontext()  # entered around each load; a plug-in's
        self._models_dir = models_dir
        self._changed_at = 0  # when the history last changed, in ns
        self._seconds = self._wait = seconds  # until the next attempt; doubles with each
        self._next_attempt = 0.0  # on the monotonic clock

    @property
    def answering(self) -> Model | None:
        """The model that answers the next request."""
        return self.model or self.fallback

    def follow(self) -> None:
        """Load a new champion if there is one, or a rejected one that is due for another attempt."""
        changed_at = history_changed_at(self._models_dir / NAME / "history")
        if changed_at != self._changed_at:
            self._wait = self._seconds
        elif not self.rejected or time.monotonic() < self._next_attempt:
            return
        version = None
        try:
            version = champion(self._models_dir)
            if version is not None and (self.model is None or version != self.model.version):
                with self.preflight(self._models_dir, version):
                    self.model = load(self._models_dir, version)
                logger.info("champion answers", extra={"version": version, "digest": self.model.digest})
            self.rejected = ""
        except (ModelRefused, OSError) as error:
            self.rejected = str(error)
            logger.exception("champion rejected", extra={"version": version})
            self._next_attempt, self._wait = time.monotonic() + self._wait, min(2 * self._wait, MAX_WAIT)
        self._changed_at = changed_at

    def retry_now(self) -> None:
        """Let the next `follow` try a rejected champion at once."""
        self._changed_at = -1

    def unavailable_reason(self) -> str:
        """Say why no model answers, and which command helps."""
        return self.rejected or "no champion yet: run `make train`"


def history_changed_at(history: Path) -> int:
    """When the history last changed, in ns; 0 if there is none, -2 if that cannot be told."""
    try:
        return history.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
    except OSError:  # loading the champion gives the reason
        return -2
