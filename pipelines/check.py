"""What a check of the gate is: criteria, and what they measure; the plug-ins in `pipelines/checks/` bring them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flights.plugins import load_plugins
from flights.resampling import Interval

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.evaluation.inputs import EvaluationInputs

CHECKS = "pipelines.checks"  # the package of the plug-ins
COMPARED = {"roc_auc": "ROC-AUC", "brier": "Brier score"}  # metrics in which models are compared


@dataclass(frozen=True)
class Evidence:
    """What evaluation measured of a candidate on the holdout."""

    models: Mapping[str, Mapping[str, Interval]]  # every model's metrics
    metrics: Mapping[str, Interval]  # the candidate's
    margins: Mapping[str, Mapping[str, Interval]]  # by model and metric; positive: the candidate is better
    champion: int | None
    champion_unloadable: str  # why this code cannot load the champion; empty if it can, or if there is none
    replace_champion: bool  # REPLACE_CHAMPION: take the candidate without that comparison
    invalid_probabilities: int
    measured: Mapping[str, Any]  # by the checks

    @property
    def not_comparable(self) -> str:
        """Why the candidate cannot be compared with the champion; empty if it can, or with REPLACE_CHAMPION."""
        if not self.champion_unloadable or self.replace_champion:
            return ""
        return (
            f"champion {self.champion} cannot be loaded by this code, so nothing can be compared "
            f"({self.champion_unloadable}): `make train REPLACE_CHAMPION=true` skips the comparison"
        )


@dataclass(frozen=True)
class Criterion:
    """One condition of the gate: a sentence, and a function that returns why a candidate fails it."""

    name: str
    sentence: str
    failure: Callable[[Evidence], str]


def families(names: Collection[str] | None = None) -> dict[str, ModuleType]:
    """The plug-ins by name; all of them, or those of some names that are there."""
    found = {module.__name__.rpartition(".")[2]: module for module in load_plugins(CHECKS)}
    return {name: module for name, module in found.items() if names is None or name in names}


def properties(inputs: "EvaluationInputs", names: Collection[str] | None = None) -> dict[str, Any]:
    """What the plug-ins measure once of a candidate and its files."""
    modules = [module for module in families(names).values() if hasattr(module, "properties")]
    return {key: value for module in modules for key, value in module.properties(inputs).items()}


def measurements(inputs: "EvaluationInputs") -> dict[str, Any]:
    """What the plug-ins measure of a candidate's valid probabilities."""
    modules = [module for module in families().values() if hasattr(module, "measure")]
    return {key: value for module in modules for key, value in module.measure(inputs).items()}


def record(folder: Path, *parts: "pd.DataFrame", before: Path | None = None) -> dict[str, Any]:
    """What the plug-ins note of a training's rows, for the record in `folder`."""
    modules = [module for module in families().values() if hasattr(module, "record")]
    return {key: value for module in modules for key, value in module.record(folder, *parts, before=before).items()}
