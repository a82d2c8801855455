"""The drills about models compare what they say they do, on real flights and through the real gate."""

import numpy as np
import pandas as pd
import pytest

from extras.drills.drill_helpers import features_of, fitted, part
from extras.drills.models import figures_on, verdict
from flights.artifacts import read_json
from flights.config import MIN_SLICE_ROC_AUC, Settings
from flights.dataset import EVENT_TIME, targets

pytestmark = pytest.mark.exhibit


@pytest.mark.heavy
def test_figures_know_what_was_learned(trained):
    """A candidate asked about the very rows that it learned from ranks them better than rows that it never saw."""
    settings = Settings(data_dir=trained)
    learned, unseen = (part(settings, name, 2000) for name in ("train", "holdout"))
    known, new = (float(figures_on(rows, learned, 0).split()[1].rstrip(",")) for rows in (learned, unseen))
    assert known > new + 0.05


@pytest.mark.ml_test_score("M4")
@pytest.mark.heavy
def test_a_stale_model_is_worse_on_real_flights(trained):
    """In December a model of the first three months ranks and estimates clearly worse than one of all months before."""
    settings = Settings(data_dir=trained)
    train, live = part(settings, "train"), part(settings, "live")
    december = live[live[EVENT_TIME] >= "2013-12-01"]
    spring = train[train[EVENT_TIME] < "2013-04-01"]
    recent = pd.concat([train, *(part(settings, name) for name in ("validation", "holdout"))])
    stale, fresh = (figures_on(december, rows, 0).replace(",", "").split() for rows in (spring, recent))
    assert float(fresh[1]) > float(stale[1]) + 0.02
    assert float(fresh[3]) < float(stale[3]) - 0.005


@pytest.mark.heavy
def test_the_gate_says_no_to_a_bad_model(a_copy):
    """Planted: a candidate of shuffled labels. The whole gate judges it, and more than one criterion objects."""
    settings = Settings(data_dir=a_copy)
    rows = part(settings, "train", 2000)
    shuffled = np.random.default_rng(0).permutation(targets(rows))
    report = verdict(settings, fitted(features_of(rows), shuffled, 0), part(settings, "holdout"))
    failures = {check["name"] for check in report["checks"] if check["failure"]}
    assert {"beats_heuristic", "champion"} <= failures
    assert not report["passed"]


@pytest.mark.ml_test_score("M6")
def test_every_slice_of_the_champion_suffices(trained):
    """On real flights: the gate has nothing against any slice, and each ranks better than chance beyond doubt."""
    report = read_json(next((trained / "3_models" / "candidates").glob("*/evaluation.json")), "")
    assert {check["name"]: check["failure"] for check in report["checks"]}["slices"] == ""
    found = {f"{each['kind']} {each['name']}": each["figures"]["roc_auc"] for each in report["slices"]}
    assert {name.split()[0] for name in found} == {"carrier", "origin", "month", "hour", "distance", "dest"}
    assert [name for name, area in found.items() if area["value"] < MIN_SLICE_ROC_AUC] == []
