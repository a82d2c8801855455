"""What drills share: a copy to break, small fits, a log of live traffic with a fault in it, and a look at that log."""

import json
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

from extras.drills import faults as drills
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, OUTCOME, ZONE, targets
from flights.evaluation import metrics
from flights.feature_set import build_features
from flights.files import LIVE_FILE, TRAIN_FIRST
from flights.log_reader import engine
from flights.model import CANDIDATE, build_model
from flights.predictions import Outcome, Prediction, add
from flights.ranking import rank
from flights.registry import Model, champion, load
from monitoring import replay
from monitoring.decide import Decision
from monitoring.findings import findings

MOST_ROWS = 20_000  # to learn from in a drill
FAULT_DAYS = 7  # after the clean ones; then it is mended
DAYS = 28  # of live traffic in a log
RECEIVED = "2014-02-01T{:02}:00:00.{:06}Z"  # the log's stamp of an outcome: differs between any two


@dataclass(frozen=True)
class Told:
    """What a drill showed, in three sentences with numbers."""

    damage: str
    guard: str
    back: str


class GuardAsleep(AssertionError):
    """What should have refused or rung did not."""


@contextmanager
def copied(data_dir: Path) -> Iterator[Settings]:
    """Settings of a copy of the data folder, for a block; nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        for name in ("1_raw", "2_splits", "3_models"):
            if not (data_dir / name).is_dir():
                raise FileNotFoundError(f"no {data_dir / name}: {TRAIN_FIRST}")
            shutil.copytree(data_dir / name, Path(folder) / name, ignore=shutil.ignore_patterns("mlflow*"))
        yield Settings(data_dir=Path(folder), predictions_url="")


def refusal(kind: type[BaseException], call: Callable[[], object]) -> str:
    """What a guard says when it refuses.

    Raises
    ------
    GuardAsleep
        It did not.
    """
    try:
        call()
    except kind as refused:
        return " ".join(str(refused).split())[:200]
    raise GuardAsleep(f"expected {kind.__name__}, nothing was refused")


def expect(happened: bool, words: str) -> None:
    """Fail the drill where a guard should have acted."""
    if not happened:
        raise GuardAsleep(f"expected {words}")


def part(settings: Settings, name: str, most: int = MOST_ROWS) -> pd.DataFrame:
    """Rows of a part that have an outcome, evenly thinned."""
    rows = read_parquet(settings.splits_dir / f"{name}.parquet", TRAIN_FIRST)
    rows = rows[~np.isnan(targets(rows))]
    return rows.iloc[:: max(1, len(rows) // most)].reset_index(drop=True)


def features_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The models' view of some rows."""
    return pd.DataFrame(build_features(as_arrays(rows)))


def fitted(features: pd.DataFrame, truth: NDArray[np.float64], seed: int) -> Any:
    """A candidate that learned from some rows; without its rules for single features, as there may be more of them."""
    return build_model(CANDIDATE, seed).set_params(trees__monotonic_cst=None).fit(features, truth)


def ranking(truth: NDArray[Any], probabilities: NDArray[np.float64]) -> float:
    """ROC-AUC."""
    return metrics(rank(truth.astype(np.float64), probabilities))["roc_auc"]


def serving(settings: Settings) -> Model:
    """The champion of the copy."""
    version = champion(settings.models_dir)
    if version is None:
        raise FileNotFoundError(f"no champion yet: {TRAIN_FIRST}")
    return load(settings.models_dir, version)


@dataclass(frozen=True)
class Month:
    """Some weeks of live traffic: as it would have been, and with a fault in its third week."""

    clean: drills.Traffic
    faulty: drills.Traffic
    begins: pd.Timestamp
    mended: pd.Timestamp
    ends: pd.Timestamp
    truth: "pd.Series[float]"  # 1 late, 0 not, by key


def month(settings: Settings, drill: str, first_day: int = 0) -> Month:
    """Live traffic under one of the replay's drills, which ends after `FAULT_DAYS`."""
    live = read_parquet(settings.splits_dir / LIVE_FILE, TRAIN_FIRST)
    begin, _ = replay.span(live, "", "")
    begin = begin.tz_convert(ZONE) + pd.DateOffset(days=first_day)  # days on the wall: one of them has 25 hours
    starts = begin + pd.DateOffset(days=drills.CLEAN_DAYS)
    mended, ends = starts + pd.DateOffset(days=FAULT_DAYS), begin + pd.DateOffset(days=DAYS)
    clean = replay.traffic(live, begin, ends)
    whole = drills.applied(clean, drill, settings.seed)
    moments = ("moment", "outcome_known_at")
    faulty = tuple(
        pd.concat([bad[bad[moment] < mended], good[good[moment] >= mended]], ignore_index=True)
        for bad, good, moment in zip(whole, clean, moments, strict=True)
    )
    truth = pd.Series(targets(live), live["flight_id"].to_numpy())
    return Month(clean, (faulty[0], faulty[1]), starts, mended, ends, truth)


def in_fault(told: Month, traffic: drills.Traffic) -> pd.DataFrame:
    """The flights of the faulty week that got an outcome, in the order of their names."""
    flights = traffic[0]
    flights = flights[(flights["moment"] >= told.begins) & (flights["moment"] < told.mended)]
    return flights[flights["flight_id"].map(told.truth).notna()].sort_values("flight_id", ignore_index=True)


def write_log(settings: Settings, traffic: drills.Traffic) -> None:
    """Leave what a replay of some traffic would leave in the log, without the waiting for HTTP."""
    flights, outcomes = traffic
    flights = flights[flights["carrier"] != drills.NEW_CARRIER]  # the service refuses those
    model = serving(settings)
    probabilities = model.score(as_arrays(flights))
    rows = []
    for row, probability in zip(replay.requests(flights), probabilities.tolist(), strict=True):
        name, moment = row.pop("request_id"), row[EVENT_TIME].replace("Z", ".000000Z")
        answer = (probability, probability >= model.threshold, model.threshold, model.version, model.digest)
        rows.append(Prediction(name, moment, moment, json.dumps(row), *answer))
    log = engine(settings.log_url)
    add(log, rows)
    log.dispose()
    report_outcomes(settings, outcomes, hour=0)


def report_outcomes(settings: Settings, outcomes: pd.DataFrame, hour: int) -> None:
    """Add outcomes to the log; what is reported at a later hour replaces what was reported before."""
    log = engine(settings.log_url)
    add(
        log,
        [
            Outcome(row["request_id"], row["known_at"], row[OUTCOME], RECEIVED.format(hour, place))
            for place, row in enumerate(replay.knowledge(outcomes))
        ],
    )
    log.dispose()


def look(settings: Settings, now: pd.Timestamp) -> Decision:
    """What the monitor decides at a moment."""
    return findings(settings, now).decision
