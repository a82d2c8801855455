"""How good the predictions turned out to be: calibration and ranking of the two weeks that end on each day.

Early outcomes are biased, because short flights land first. So quality uses only events past the watermark, by which
every outcome has come. Days differ more than rows do, so it uses two weeks at a time.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flights.evaluation import metrics
from flights.ranking import rank
from monitoring.check import Check
from monitoring.view import View

QUALITY_DAYS = 14  # a week's ROC-AUC moves by 0.04 on its own, two weeks' by 0.035
MIN_DAYS = 7  # of outcomes before quality is judged at all
MAX_BIAS = 0.08  # difference of mean probability and observed share in two weeks; 0.06 on clean ones
MAX_SHORTFALL = 0.075  # of ROC-AUC below the expected one; 0.054 on clean weeks

Vector = NDArray[np.float64]


def checks(view: View) -> list[Check]:
    """Calibration and ranking of the model that served each day."""
    return quality_checks(view.rows)


def quality_checks(rows: pd.DataFrame) -> list[Check]:
    """Calibration and ranking over the two weeks that end on each day past the watermark.

    A new model has fewer days, whose mean moves more: its values count for less, by the root of their share.
    """
    found = pd.DataFrame({day: _quality(window) for day, window in windows(rows)}).T.astype(float)
    found = found.reindex(columns=["bias", "shortfall"])
    return [
        Check("bias", "calibration", "probability", found["bias"], -MAX_BIAS, MAX_BIAS),
        Check("ranking shortfall", "ranking", "ROC-AUC", found["shortfall"], high=MAX_SHORTFALL),
    ]


def windows(rows: pd.DataFrame) -> list[tuple[pd.Timestamp, pd.DataFrame]]:
    """For each full day past the watermark, the labelled rows of the model that served it, two weeks back."""
    over = rows.groupby("day")["past_watermark"].all()
    needed = ["day", "event_time", "target", "probability", "threshold", "model_version"]
    labelled = rows.loc[rows["state"] == "labelled", needed]
    versions = rows.groupby("day")["model_version"].agg(lambda served: served.mode()[0])
    found = []
    for day in over.index[over]:
        recent = (labelled["day"] > day - pd.Timedelta(days=QUALITY_DAYS)) & (labelled["day"] <= day)
        window = labelled[recent & (labelled["model_version"] == versions[day])]
        both = window["target"].nunique() == 2  # one class alone has no ranking
        if both and window["day"].nunique() >= MIN_DAYS:
            found.append((day, window))
    return found


def _quality(window: pd.DataFrame) -> dict[str, float]:
    targets, probabilities = window["target"].to_numpy(), window["probability"].to_numpy()
    reached = metrics(rank(targets, probabilities), ["roc_auc"])["roc_auc"]
    weight = min(1.0, window["day"].nunique() / QUALITY_DAYS) ** 0.5
    return {
        "bias": weight * float(probabilities.mean() - targets.mean()),
        "shortfall": weight * (expected_roc_auc(probabilities) - reached),
    }


def expected_roc_auc(probabilities: Vector) -> float:
    """The ROC-AUC to expect if each probability were exact: easy days rank better than hard ones."""
    falling = np.sort(probabilities)[::-1]
    positive, negative = falling, 1 - falling
    above = np.cumsum(positive)[:-1] @ negative[1:] + 0.5 * (positive @ negative)
    return float(above / max(positive.sum() * negative.sum(), 1e-12))
