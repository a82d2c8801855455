"""Which model answers: the champion that the registry names, followed while the service runs.

A new champion is tried in another process, loaded, and takes over in one assignment; where it is refused the old one
goes on, and it is looked at again, ever more rarely: what was wrong may pass, a folder not yet mounted or a trial that
was too slow. Only at the start, with nothing to protect yet, there is no trial, unless the start before did not get
past its champion.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path

from flights.config import NAME
from flights.registry import Model, ModelRefused, champion, load
from serving.trial import check_in_trial

logger = logging.getLogger("serving")

LOADING = "loading"  # file that is there while a start loads its champion
LONGEST_WAIT = 60.0  # seconds between two looks at a champion that was refused


class Active:
    """The model that answers, or the reason why there is none."""

    def __init__(self, models_dir: Path, seconds: float = 1.0):
        self.model: Model | None = None
        self.stand_in: Model | None = (
            None  # what answers for a champion that is missing, or fails on a request; an extra's
        )
        self.refused = ""  # why the named champion does not answer
        self._models_dir = models_dir
        self._seen = 0  # when the history last changed, in ns
        self._seconds = self._wait = seconds  # from a first refusal to the next look; every other takes twice as long
        self._again = 0.0  # when to look at a refused champion again, on the monotonic clock

    @property
    def answering(self) -> Model | None:
        """The model that answers the next request."""
        return self.model or self.stand_in

    def start(self, folder: Path) -> None:
        """Load the champion at once, or after its trial where the last start, by the mark it left, crashed over it."""
        mark = folder / LOADING
        trial = mark.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
        except OSError:  # there is no remembering: be careful every time
            trial = True
        self.follow(trial=trial)
        if not self.refused:
            with suppress(OSError):
                mark.unlink(missing_ok=True)

    def follow(self, *, trial: bool = True) -> None:
        """Take over a new champion, if there is one, or one that was refused some time ago."""
        changed = self._changed()
        if changed != self._seen:
            self._wait = self._seconds
        elif not self.refused or time.monotonic() < self._again:
            return
        version = None
        try:
            version = champion(self._models_dir)
            if version is not None and (self.model is None or version != self.model.version):
                if trial:
                    check_in_trial(self._models_dir, version)
                self.model = load(self._models_dir, version)
                logger.info("champion answers", extra={"version": version, "digest": self.model.digest})
            self.refused = ""
        except (ModelRefused, OSError) as error:
            self.refused = str(error)
            logger.exception("champion refused", extra={"version": version})
            self._again, self._wait = time.monotonic() + self._wait, min(2 * self._wait, LONGEST_WAIT)
        self._seen = changed

    def look_again(self) -> None:
        """Let the next look be as at something new, however lately the champion was refused."""
        self._seen = -1

    def why_not(self) -> str:
        """Say why no model answers, and which command helps."""
        return self.refused or "no champion yet: run `make train`"

    def _changed(self) -> int:
        history = self._models_dir / NAME / "history"
        return history.stat().st_mtime_ns if history.is_dir() else 0
