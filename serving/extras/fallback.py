"""Fallback: if no model can answer, or not this request, the heuristic does, and every answer says so. Off by default.

It comes from the folder of the newest champion whose manifest and heuristic verify; its model may be broken.
"""

import logging
from pathlib import Path

from prometheus_client import Gauge
from pydantic import Field

from flights import heuristic
from flights.artifacts import read_json, sha256
from flights.config import EnvironmentSettings
from flights.files import MANIFEST_FILE, TRAIN_FIRST
from flights.model_files import verify
from flights.registry import Model, ModelRefused, history, model_folder
from serving.service import Service

logger = logging.getLogger("serving")


class Settings(EnvironmentSettings):
    """Whether it may answer."""

    fallback: bool = Field(False, description="Let the heuristic answer if no model can; false returns 503.")


def plug_in(service: Service) -> None:
    """Keep the heuristic ready if it may answer."""
    if Settings.read().fallback:
        service.followers.append(Fallback(service))


class Fallback:
    """Keeps the heuristic of the newest champion ready."""

    def __init__(self, service: Service):
        self._holder, self._models_dir = service.holder, service.settings.models_dir
        self._checked: int | None = -1  # the champion's version when the heuristic was last loaded; -1: never
        self._answers = Gauge(
            "heuristic_answers", "Whether the heuristic answers for a missing model", registry=service.registry
        )

    def follow(self) -> None:
        """Load the heuristic when the champion changes, and, without a champion, until there is one."""
        holder = self._holder
        version = holder.model.version if holder.model else None
        if version != self._checked or (version is None and holder.fallback is None):
            holder.fallback, self._checked = newest_heuristic(self._models_dir), version
            if version is None and holder.fallback is not None:
                logger.error("the heuristic answers", extra={"reason": holder.unavailable_reason()})
        self._answers.set(version is None and holder.fallback is not None)


def newest_heuristic(models_dir: Path) -> Model | None:
    """The heuristic of the newest champion that has a valid one."""
    try:
        champions = [entry.champion for entry in reversed(history(models_dir))]
    except ModelRefused:  # the champion is rejected for it, with the reason
        return None
    for version in dict.fromkeys(champions):
        folder = model_folder(models_dir, version)
        try:
            verify(folder)
            expected = read_json(folder / MANIFEST_FILE, TRAIN_FIRST)["files"][heuristic.FILE]
            if sha256(folder / heuristic.FILE) == expected:
                return heuristic.load(folder)
        except Exception as error:  # an older folder may be fine
            logger.warning("no heuristic", extra={"version": version, "error": str(error)})
    return None
