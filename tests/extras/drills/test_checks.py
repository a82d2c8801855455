"""The table of checks is whole, names tests that exist, and what it says of slices holds on real flights."""

from types import SimpleNamespace

import numpy as np
import pytest

from extras.drills import score_card
from extras.drills.checks import CHECKS, SECTIONS, named
from extras.drills.drill_helpers import part
from flights.artifacts import read_json
from flights.config import MIN_SLICE_ROC_AUC, Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.registry import load
from pipelines.evaluation import criteria, slices
from pipelines.rows import local_days


def test_there_are_seven_checks_in_each_of_four_sections():
    """As in the paper."""
    assert [check.key for check in CHECKS] == [f"{letter}{number}" for letter in SECTIONS for number in range(1, 8)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_what_a_check_names_exists(check):
    """Every test that is named is there, or the card would count what nobody runs."""
    assert [node for node in check.nodes if not score_card.is_there(node)] == []


def test_a_name_that_is_not_there_is_found():
    """Planted: a test that nobody wrote, and a file that nobody made."""
    assert not any(map(score_card.is_there, named("flights/dataset:nothing_of_the_kind", "flights/nowhere:targets")))
    assert all(map(score_card.is_there, named("flights/dataset:targets")))


def test_every_slice_of_the_champion_suffices(trained):
    """On real flights: the gate has nothing against any slice, and each ranks better than chance beyond doubt."""
    report = read_json(next((trained / "3_models" / "candidates").glob("*/evaluation.json")), "")
    assert {check["name"]: check["failure"] for check in report["checks"]}["slices"] == ""
    found = {f"{each['kind']} {each['name']}": each["figures"]["roc_auc"] for each in report["slices"]}
    assert {name.split()[0] for name in found} == {"carrier", "origin", "month", "hour", "distance", "dest"}
    assert [name for name, area in found.items() if area["value"] < MIN_SLICE_ROC_AUC] == []


def test_a_slice_that_does_not_suffice_is_refused(trained):
    """Planted: the champion's answers for one airport are shuffled. The gate's criterion names that airport alone."""
    settings = Settings(data_dir=trained)
    rows = part(settings, "holdout")
    answers = load(settings.models_dir, 1).score(as_arrays(rows))
    there = np.flatnonzero(rows["origin"] == "LGA")
    answers[there] = answers[np.random.default_rng(0).permutation(there)]
    evidence = SimpleNamespace(
        slices=slices.slice_metrics(rows, targets(rows), local_days(rows), answers, None, seed=1)
    )
    said = criteria.slices(evidence)
    assert "origin LGA has" in said
    assert "origin EWR" not in said
