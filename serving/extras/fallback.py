"""Where no model can answer, or not this request, the heuristic does, if FALLBACK allows it, and every answer says so.

It comes from the folder of the newest champion whose manifest and heuristic verify; its model may be broken.
"""

import logging
from pathlib import Path

from prometheus_client import Gauge

from flights import heuristic, signature
from flights.artifacts import read_json, sha256
from flights.files import MANIFEST_FILE, TRAIN_FIRST
from flights.registry import Model, ModelRefused, history, model_folder
from serving.active import Active
from serving.service import Service

logger = logging.getLogger("serving")


def plug_in(service: Service) -> None:
    """Keep a stand-in ready."""
    if service.settings.fallback:
        service.followers.append(Fallback(service))


class Fallback:
    """Keeps the heuristic of the newest champion beside the model."""

    def __init__(self, service: Service):
        self._active: Active = service.active
        self._models_dir, self._key = service.settings.models_dir, service.settings.model_verify_key
        registry = service.metrics.registry
        self._beside: int | None = -1  # the model's version when the stand-in was last looked for; -1 is never
        self._answers = Gauge(
            "heuristic_answers", "Whether the heuristic answers for a missing model", registry=registry
        )

    def follow(self) -> None:
        """Look for a stand-in when another model answers, and until there is one where none does."""
        active = self._active
        version = active.model.version if active.model else None
        if version != self._beside or (version is None and active.stand_in is None):
            active.stand_in, self._beside = newest_heuristic(self._models_dir, self._key), version
            if version is None and active.stand_in is not None:
                logger.error("the heuristic answers", extra={"reason": active.why_not()})
        self._answers.set(version is None and active.stand_in is not None)


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
                signature.verify(folder / MANIFEST_FILE, key)
            expected = read_json(folder / MANIFEST_FILE, TRAIN_FIRST)["files"][heuristic.FILE]
            if sha256(folder / heuristic.FILE) == expected:
                return heuristic.load(folder)
        except Exception as error:  # whatever is wrong with one folder, an older one may do
            logger.warning("no heuristic", extra={"version": version, "error": str(error)})
    return None
