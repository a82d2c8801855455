"""How good the predictions turned out to be, against what evaluation promised; and how the labels themselves arrive.

What has landed early is less late, so quality looks only at events so long ago that every outcome is there: past
the watermark. Days differ more than rows do, so it looks at two weeks at a time, and asks two things that hold whatever
the weather: do the probabilities match the share that was late, and do they rank as well as they claim to.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.config import WATERMARK_HOURS
from flights.dataset import OUTCOME, PREDICTION_LEAD_HOURS, ZONE, outcome_hours, targets
from flights.evaluation import metrics
from flights.ranking import rank
from flights.resampling import Interval, intervals, resampled_metrics
from monitoring.watch import Watch

WATERMARK = timedelta(hours=WATERMARK_HOURS)
LEAD = timedelta(hours=PREDICTION_LEAD_HOURS)
QUALITY_DAYS = 14  # a week's ROC-AUC moves by 0.04 on its own, two weeks' by 0.035
FEWEST_DAYS = 7  # of outcomes before quality is judged at all
MOST_BIAS = 0.08  # largest honest difference of mean probability and late share in two weeks; 0.06 on clean ones
MOST_SHORTFALL = 0.075  # of ROC-AUC against what the probabilities promise; 0.054 on clean weeks
CONTRADICTION_MINUTES = 30.0  # between an outcome and the moment at which it became known
MOST_CONTRADICTIONS = 0.03  # share of the outcomes of a day
MOST_UNASKED = 0.03  # share of a day's outcomes that belong to no prediction
MOST_EXPIRED = 0.25  # share of a day's flights without an outcome; a day of storms has more, three in a row have not
MOST_DELAY_HOURS = 6.0  # median from the event to its outcome; 2.8 on clean days

Vector = NDArray[np.float64]


def followed(predictions: pd.DataFrame, outcomes: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Predictions with their outcome as known now, target, local day and state: labelled, waiting or expired."""
    known = outcomes.loc[outcomes["known_at"] <= now, ["request_id", "known_at", OUTCOME]]
    rows = predictions.merge(known, on="request_id", how="left")
    rows["target"] = targets(rows)
    mature = rows["event_time"] <= now - WATERMARK
    rows["state"] = np.select([rows["target"].notna(), mature], ["labelled", "expired"], "waiting")
    rows["mature"] = mature
    rows["day"] = local_day(rows["event_time"])
    return rows


def local_day(moments: "pd.Series[Any]") -> "pd.Series[Any]":
    """The operation's calendar day of each moment."""
    days: pd.Series[Any] = moments.dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()
    return days


def simulated_now(predictions: pd.DataFrame, outcomes: pd.DataFrame) -> pd.Timestamp:
    """The newest moment that the log speaks of: a prediction asked for, or an outcome that became known."""
    asked = predictions["event_time"].max() - LEAD
    moments: list[pd.Timestamp] = [asked, outcomes["known_at"].max()]
    return max(moment for moment in moments if pd.notna(moment))


def ledger(rows: pd.DataFrame) -> dict[str, int]:
    """Where every prediction is: predictions = labelled + waiting + expired."""
    states = rows["state"].value_counts()
    return {"predictions": len(rows)} | {name: int(states.get(name, 0)) for name in ("labelled", "waiting", "expired")}


def quality_watches(rows: pd.DataFrame) -> list[Watch]:
    """Calibration and ranking over the two weeks that end on each day whose outcomes are all there.

    A new model has fewer days, and their mean moves more: it counts for less, by the root of their share.
    """
    found = pd.DataFrame({day: _quality(window) for day, window in windows(rows)}).T.astype(float)
    found = found.reindex(columns=["bias", "shortfall"])
    return [
        Watch("bias", "calibration", "probability", found["bias"], -MOST_BIAS, MOST_BIAS),
        Watch("ranking shortfall", "ranking", "ROC-AUC", found["shortfall"], high=MOST_SHORTFALL),
    ]


def windows(rows: pd.DataFrame) -> list[tuple[pd.Timestamp, pd.DataFrame]]:
    """For each full day past the watermark, the labelled rows of the model that served it, two weeks back."""
    mature = rows.groupby("day")["mature"].all()
    judged = ["day", "event_time", "target", "probability", "threshold", "model_version"]
    labelled = rows.loc[rows["state"] == "labelled", judged]
    versions = rows.groupby("day")["model_version"].agg(lambda served: served.mode()[0])
    found = []
    for day in mature.index[mature]:
        recent = (labelled["day"] > day - pd.Timedelta(days=QUALITY_DAYS)) & (labelled["day"] <= day)
        window = labelled[recent & (labelled["model_version"] == versions[day])]
        both = window["target"].nunique() == 2  # one class alone says nothing about ranking
        if both and window["day"].nunique() >= FEWEST_DAYS:
            found.append((day, window))
    return found


def _quality(window: pd.DataFrame) -> dict[str, float]:
    targets, probabilities = window["target"].to_numpy(), window["probability"].to_numpy()
    reached = metrics(rank(targets, probabilities), ["roc_auc"])["roc_auc"]
    weight = min(1.0, window["day"].nunique() / QUALITY_DAYS) ** 0.5
    return {
        "bias": weight * float(probabilities.mean() - targets.mean()),
        "shortfall": weight * (promised_roc_auc(probabilities) - reached),
    }


def promised_roc_auc(probabilities: Vector) -> float:
    """The ROC-AUC to expect if each probability were exact: easy days promise more than calm ones."""
    falling = np.sort(probabilities)[::-1]
    late, punctual = falling, 1 - falling
    above = np.cumsum(late)[:-1] @ punctual[1:] + 0.5 * (late @ punctual)
    return float(above / max(late.sum() * punctual.sum(), 1e-12))


def trailing_metrics(rows: pd.DataFrame) -> pd.DataFrame:
    """Every metric of the evaluation over the two weeks that end on each day; one row a day."""
    return pd.DataFrame({day: metrics(_sorted(window)) for day, window in windows(rows)}).T


def quality_now(rows: pd.DataFrame, seed: int = 0) -> dict[str, Interval]:
    """The metrics of the newest two weeks past the watermark, with intervals over resampled days."""
    found = windows(rows)
    if not found:
        return {}
    window = found[-1][1]
    ready = _sorted(window)
    return intervals(metrics(ready), resampled_metrics(ready, window["day"].to_numpy(), seed, resamples=200))


def _sorted(window: pd.DataFrame) -> Any:
    threshold = float(window["threshold"].iloc[-1])
    return rank(window["target"].to_numpy(), window["probability"].to_numpy(), threshold)


def label_watches(rows: pd.DataFrame, outcomes: pd.DataFrame, inputs: pd.DataFrame) -> list[Watch]:
    """The labels themselves: do they come, in time, for what was asked, and do they agree with their own moment.

    That moment is the one at which an outcome first became known: what is corrected later must still agree with it.

    Parameters
    ----------
    inputs
        What the predictions were made from, by the index of `rows`: with the outcome it says when that became known.
    """
    mature, days = rows[rows["mature"]], rows.loc[rows["mature"], "day"]
    labelled = mature[mature["state"] == "labelled"]
    wait = (labelled["known_at"] - labelled["event_time"]).dt.total_seconds() / 3600
    claimed = outcome_hours(inputs.reindex(labelled.index).assign(**{OUTCOME: labelled[OUTCOME]}))
    contradiction = ((wait - claimed).abs() > CONTRADICTION_MINUTES / 60).astype(float)
    unasked = (~outcomes["request_id"].isin(set(rows["request_id"]))).astype(float)
    return [
        Watch("label delay", "labels", "h", wait.groupby(labelled["day"]).median(), high=MOST_DELAY_HOURS),
        Watch(
            "without outcome",
            "labels",
            "share",
            (mature["state"] == "expired").groupby(days).mean().astype(float),
            high=MOST_EXPIRED,
        ),
        Watch(
            "contradictory outcomes",
            "labels",
            "share",
            contradiction.groupby(labelled["day"]).mean(),
            high=MOST_CONTRADICTIONS,
        ),
        Watch(
            "outcomes never asked about",
            "refused",
            "share",
            unasked.groupby(local_day(outcomes["known_at"])).mean(),
            high=MOST_UNASKED,
        ),
    ]


def kept_promises(promised: Mapping[str, Mapping[str, float]], now: Mapping[str, Interval]) -> list[dict[str, Any]]:
    """Each metric as evaluation promised it and as it is now; kept where the intervals overlap."""
    return [
        {
            "metric": name,
            "promised": dict(promised[name]),
            "now": {"value": found.value, "low": found.low, "high": found.high},
            "kept": found.low <= promised[name]["high"] and promised[name]["low"] <= found.high,
        }
        for name, found in now.items()
        if name in promised
    ]
