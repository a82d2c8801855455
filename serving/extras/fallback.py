"""Where no model can answer, the heuristic does, if FALLBACK allows it, and every answer says so.

It comes from the folder of the newest champion whose manifest and heuristic verify; its model may be broken.
"""

import logging
from pathlib import Path

from prometheus_client import Gauge

from flights import heuristic, signature
from flights.artifacts import read_json, sha256
from flights.registry import MANIFEST, TRAIN_FIRST, Model, ModelRefused, history, model_folder
from serving.active import Active
from serving.service import Service

logger = logging.getLogger("serving")


def plug_in(service: Service) -> None:
    """Look for a stand-in whenever there is no model."""
    if service.settings.fallback:
        service.followers.append(Fallback(service))


class Fallback:
    """Puts the heuristic in place while the model is missing, and takes it away again."""

    def __init__(self, service: Service):
        self._active: Active = service.active
        self._models_dir, self._key = service.settings.models_dir, service.settings.model_verify_key
        registry = service.metrics.registry
        self._answers = Gauge(
            "heuristic_answers", "Whether the heuristic answers for a missing model", registry=registry
        )

    def follow(self) -> None:
        """Stand in, or stand back."""
        wanted = self._active.model is None
        if wanted and self._active.stand_in is None:
            self._active.stand_in = newest_heuristic(self._models_dir, self._key)
            if self._active.stand_in is not None:
                logger.error("the heuristic answers", extra={"reason": self._active.why_not()})
        elif not wanted:
            self._active.stand_in = None
        self._answers.set(wanted and self._active.stand_in is not None)


def newest_heuristic(models_dir: Path, key: str) -> Model | None:
    """The heuristic of the newest champion that has a sound one."""
    try:
        champions = [entry.champion for entry in reversed(history(models_dir))]
    except ModelRefused:  # the champion is refused for it, and says why
        return None
    for version in dict.fromkeys(champions):
        folder = model_folder(models_dir, version)
        try:
            if key:
                signature.verify(folder / MANIFEST, key)
            expected = read_json(folder / MANIFEST, TRAIN_FIRST)["files"][heuristic.FILE]
            if sha256(folder / heuristic.FILE) == expected:
                return heuristic.load(folder)
        except Exception as error:  # whatever is wrong with one folder, an older one may do
            logger.warning("no heuristic", extra={"version": version, "error": str(error)})
    return None
