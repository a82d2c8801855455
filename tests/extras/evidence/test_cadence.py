"""The rule that says how often to train picks the cheapest cadence that is good enough, and no worse one."""

import numpy as np
import pandas as pd
import pytest

from extras.evidence import cadence
from extras.evidence.fits import schedules
from flights.dataset import ZONE

pytestmark = pytest.mark.exhibit

COSTS = {"never": [1.0], "monthly": [1.0] * 9, "weekly": [1.0] * 40}


def report(**noise):
    """Sixty days of a hundred flights; each cadence knows the true risk but for so much noise."""
    random = np.random.default_rng(7)
    moments = pd.Series(pd.date_range("2013-04-01", "2013-05-31", tz=ZONE, freq="864s"))
    risk = random.normal(-1, 1.2, len(moments))
    truth = (random.random(len(moments)) < 1 / (1 + np.exp(-risk))).astype(float)
    blur = random.normal(0, 1, len(moments))
    answers = {name: 1 / (1 + np.exp(-(risk + much * blur))) for name, much in noise.items()}
    return cadence.compared(truth, moments, answers | {"heuristic": np.full(len(truth), 0.3)}, schedules(), COSTS)


@pytest.mark.ml_test_score("M4")
@pytest.mark.parametrize(
    ("noise", "chosen", "days"),
    [
        ({"never": 0.0, "monthly": 0.0, "weekly": 0.0}, "never", 273),
        ({"never": 1.5, "monthly": 0.1, "weekly": 0.0}, "monthly", 28),
        ({"never": 1.5, "monthly": 1.0, "weekly": 0.0}, "weekly", 5),
        ({"never": 0.0, "monthly": 1.0, "weekly": 1.0}, "never", 273),
    ],
)
def test_the_cheapest_that_is_good_enough(noise, chosen, days):
    """Equal ones: never train again. A model that ages: the rarest training within noise of the best."""
    found = report(**noise)
    assert (found["recommended"], found["greatest_age_days"]) == (chosen, days)


def test_the_distance_from_the_best_has_an_interval():
    """The best is not behind itself, and a clear loss has an interval above zero."""
    cadences = report(never=1.5, monthly=0.1, weekly=0.0)["cadences"]
    assert cadences["weekly"]["behind_roc_auc"] == [0.0, 0.0, 0.0]
    value, low, high = cadences["never"]["behind_brier"]
    assert 0 < low < value < high


@pytest.mark.ml_test_score(
    "M4", injects="the best ranking with ruined probabilities, and the reverse: probabilities decide"
)
def test_the_best_in_one_metric_alone_is_not_taken():
    """Planted: the best ranking with ruined probabilities, and the reverse: probabilities decide."""
    far = {"behind_roc_auc": [0.1, 0, 0], "behind_brier": [0.0, 0, 0], "brier": 0.14, "fits": 9}
    ruined = {"behind_roc_auc": [0.0, 0, 0], "behind_brier": [0.1, 0, 0], "brier": 0.24, "fits": 1}
    assert cadence.recommended({"far": far, "ruined": ruined}, {"roc_auc": 0.01, "brier": 0.01}) == "far"


def test_the_picture_names_what_it_shows():
    """Three panels with titles and labelled axes, one line for each cadence and the baseline."""
    axes = cadence.figure(report(never=1.5, monthly=0.1, weekly=0.0)).axes
    assert len(axes) == 3
    assert all(each.get_title() and each.get_xlabel() and each.get_ylabel() for each in axes)
    assert [line.get_label() for line in axes[0].lines] == ["weekly", "monthly", "never", "heuristic"]
