"""REFIT: fit the candidate again on train and validation, with its threshold and its recalibration kept.

The holdout comes after both, so the gate measures what is served.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pandas as pd
from pydantic import Field

from flights import config, model
from flights.config import EnvironmentSettings
from flights.dataset import targets
from pipelines.rows import training_features
from pipelines.training.fitting import Fit


class Settings(EnvironmentSettings):
    """Which rows the candidate is fitted on."""

    refit: bool = Field(False, description="Fit the candidate again on train and validation; its threshold stays.")


def provenance(_settings: config.Settings) -> dict[str, bool]:
    """Recorded only if it is on."""
    return {"refit": True} if Settings.read().refit else {}


def change_fits(
    settings: config.Settings, fits: Mapping[str, Fit], train: pd.DataFrame, validation: pd.DataFrame, family: str
) -> dict[str, Fit]:
    """The fits, with a candidate that has also seen validation if REFIT is set."""
    if not Settings.read().refit:
        return dict(fits)
    both, fit = pd.concat([train, validation], ignore_index=True), fits[model.CANDIDATE]
    again = model.build_model(family, settings.seed).fit(training_features(both, settings.seed), targets(both))
    return {**fits, model.CANDIDATE: replace(fit, pipeline=with_estimator(fit.pipeline, again))}


def with_estimator(pipeline: Any, again: Any) -> Any:
    """The refitted model, with the recalibration that the first one has."""
    from sklearn.frozen import FrozenEstimator

    if not hasattr(pipeline, "calibrated_classifiers_"):  # it was not kept
        return again
    kept = deepcopy(pipeline)
    kept.estimator = FrozenEstimator(again)
    for each in kept.calibrated_classifiers_:
        each.estimator = kept.estimator
    return kept
