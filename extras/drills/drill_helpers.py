"""What drills share: a copy to break, small fits, and what a guard said."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.evaluation import metrics
from flights.feature_set import build_features
from flights.files import TRAIN_FIRST
from flights.model import CANDIDATE, build_model
from flights.ranking import rank
from flights.registry import Model, champion, load

MAX_ROWS = 20_000  # to learn from in a drill


@dataclass(frozen=True)
class DrillReport:
    """What a drill showed, in three sentences with numbers, and as a picture if a check was monitored."""

    damage: str
    guard: str
    back: str
    picture: str = ""  # SVG


class GuardDidNotFire(AssertionError):
    """A check that should have rejected or fired did not."""


@contextmanager
def copied(data_dir: Path) -> Iterator[Settings]:
    """Settings of a copy of the data folder, which is deleted after the block."""
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        for name in ("1_raw", "2_splits", "3_models"):
            if not (data_dir / name).is_dir():
                raise FileNotFoundError(f"no {data_dir / name}: {TRAIN_FIRST}")
            shutil.copytree(data_dir / name, Path(folder) / name, ignore=shutil.ignore_patterns("mlflow*"))
        yield Settings(data_dir=Path(folder), predictions_url="")


def refusal(kind: type[BaseException], call: Callable[[], object]) -> str:
    """The message with which a guard rejects a call.

    Raises
    ------
    GuardDidNotFire
        It rejected nothing.
    """
    try:
        call()
    except kind as rejected:
        return " ".join(str(rejected).split())[:200]
    raise GuardDidNotFire(f"expected {kind.__name__}, nothing was rejected")


def expect(happened: bool, what: str) -> None:
    """Fail the drill if a guard did not act."""
    if not happened:
        raise GuardDidNotFire(f"expected {what}")


def part(settings: Settings, name: str, most: int = MAX_ROWS) -> pd.DataFrame:
    """Rows of a part that have an outcome, evenly thinned."""
    rows = read_parquet(settings.splits_dir / f"{name}.parquet", TRAIN_FIRST)
    rows = rows[~np.isnan(targets(rows))]
    return rows.iloc[:: max(1, len(rows) // most)].reset_index(drop=True)


def features_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The features of some rows."""
    return pd.DataFrame(build_features(as_arrays(rows)))


def fitted(features: pd.DataFrame, y_true: NDArray[np.float64], seed: int) -> Any:
    """A candidate fitted to some rows, without constraints on single features, as there may be other features."""
    return build_model(CANDIDATE, seed).set_params(trees__monotonic_cst=None).fit(features, y_true)


def ranking(y_true: NDArray[Any], probabilities: NDArray[np.float64]) -> float:
    """ROC-AUC."""
    return metrics(rank(y_true.astype(np.float64), probabilities))["roc_auc"]


def serving(settings: Settings) -> Model:
    """The champion of the copy."""
    version = champion(settings.models_dir)
    if version is None:
        raise FileNotFoundError(f"no champion yet: {TRAIN_FIRST}")
    return load(settings.models_dir, version)
