"""ESTIMATOR: the candidate's family. `auto` takes the simplest within one standard error of the best on validation."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal

import pandas as pd
from pydantic import Field

from flights import config, model, portable
from flights.config import EnvironmentSettings
from flights.dataset import targets
from flights.evaluation import metrics
from flights.ranking import Vector, rank
from flights.resampling import margin, resampled_metrics
from pipelines.check import COMPARED
from pipelines.rows import features_of, local_days, training_features

AUTO = "auto"
SIMPLEST_FIRST = ("tree", "logistic", model.HGB, "lightgbm", "xgboost", "torch")
INTERVAL_WIDTH = 3.92  # of a 95 % interval, in standard errors


class Settings(EnvironmentSettings):
    """Which model of the comparison is the candidate."""

    estimator: Literal["hgb", "tree", "logistic", "lightgbm", "xgboost", "torch", "auto"] = Field(
        "hgb",
        description="The candidate's family; `auto` is the simplest within one standard error of the best.",
    )


def preflight(_settings: config.Settings) -> None:
    """End the process with one line if the family is unknown, or its library or its exporter is missing."""
    chosen = Settings.read().estimator
    for name in compared() if chosen == AUTO else (chosen,):
        try:
            portable.exporter(model.build_model(name, 0))
        except ModuleNotFoundError as error:
            sys.exit(f"ESTIMATOR={chosen}: {error.name} is not installed: `make train ESTIMATOR={chosen}` installs it")
        except (KeyError, portable.NoExporterError) as error:
            sys.exit(f"ESTIMATOR={chosen}: {name} cannot be exported: {error}")


def compared() -> list[str]:
    """What `auto` compares: every family that it installs, and PyTorch's if it is there."""
    return [name for name in SIMPLEST_FIRST if name != "torch" or find_spec("torch")]


def choose_estimator(settings: config.Settings, train: pd.DataFrame, validation: pd.DataFrame) -> str:
    """The family that ESTIMATOR names; with `auto`, every family is fitted, and the choice is printed."""
    chosen = Settings.read().estimator
    if chosen != AUTO:
        return chosen
    features, y_train = training_features(train, settings.seed), targets(train)
    X_valid, y_valid, days = features_of(validation), targets(validation), local_days(validation)
    measured = {}
    for name in compared():
        fitted = model.build_model(name, settings.seed).fit(features, y_train)
        rows = rank(y_valid, fitted.predict_proba(X_valid)[:, 1])
        measured[name] = metrics(rows, COMPARED), resampled_metrics(rows, days, settings.seed, names=COMPARED)
    name, sentence = simplest(measured)
    print(f"estimator {sentence}")
    return name


def simplest(measured: Mapping[str, tuple[Mapping[str, float], Mapping[str, Vector]]]) -> tuple[str, str]:
    """The first family that is behind the best by at most one standard error in every metric, and a sentence on it."""
    best = max(measured, key=lambda name: measured[name][0]["roc_auc"])
    ahead, draws = measured[best]
    for name, (values, own) in measured.items():
        margins = [margin(each, ahead[each], values[each], draws[each], own[each]) for each in COMPARED]
        if name == best or all(each.value <= (each.high - each.low) / INTERVAL_WIDTH for each in margins):
            break
    same = "the best" if name == best else f"the simplest within one standard error of the best, {best}"
    areas = ", ".join(f"{each} {found['roc_auc']:.4f}" for each, (found, _) in measured.items())
    return name, f"{name}: {same} (ROC-AUC on validation: {areas})"
