"""Which model answers: the champion that the registry names, followed while the service runs.

A new champion is tried in another process, loaded, and takes over in one assignment; where it is refused the old one
goes on. Only at the start, with nothing to protect yet, there is no trial.
"""

import logging
from pathlib import Path

from flights.config import NAME
from flights.registry import Model, ModelRefused, champion, load
from serving.trial import check_in_trial

logger = logging.getLogger("serving")


class Active:
    """The model that answers, or the reason why there is none."""

    def __init__(self, models_dir: Path):
        self.model: Model | None = None
        self.stand_in: Model | None = None  # what an extra puts in place of a champion that is missing
        self.refused = ""  # why the named champion does not answer
        self._models_dir = models_dir
        self._seen = 0  # when the history last changed, in ns

    @property
    def answering(self) -> Model | None:
        """The model that answers the next request."""
        return self.model or self.stand_in

    def follow(self, *, trial: bool = True) -> None:
        """Take over a new champion, if there is one."""
        changed = self._changed()
        if changed == self._seen:
            return
        version = champion(self._models_dir)
        try:
            if version is not None and (self.model is None or version != self.model.version):
                if trial:
                    check_in_trial(self._models_dir, version)
                self.model = load(self._models_dir, version)
                logger.info("champion answers", extra={"version": version, "digest": self.model.digest})
            self.refused = ""
        except ModelRefused as error:
            self.refused = str(error)
            logger.exception("champion refused", extra={"version": version})
        self._seen = changed

    def why_not(self) -> str:
        """Say why no model answers, and which command helps."""
        return self.refused or "no champion yet: run `make train`"

    def _changed(self) -> int:
        history = self._models_dir / NAME / "history"
        return history.stat().st_mtime_ns if history.is_dir() else 0
