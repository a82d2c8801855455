"""A part of the flights that is served badly is found, and one that was only unlucky is not."""

from types import SimpleNamespace

import numpy as np
import pytest

from flights.config import Settings
from flights.dataset import LOCATION, targets
from pipelines.checks import slices
from pipelines.rows import labelled_rows, local_days
from tests.declared import BY_NAME

PLACES = BY_NAME[LOCATION].categories  # what the planted failures need: several, and each with many rows


@pytest.fixture(scope="module")
def world(trained, environment):
    """Holdout rows, who was late, days, and probabilities that rank well and mean what they say."""
    environment.setenv("DATA_DIR", str(trained))
    rows = labelled_rows(Settings(), "holdout")
    truth, random = targets(rows), np.random.default_rng(0)
    return rows, truth, local_days(rows), np.clip(0.1 + 0.2 * truth + 0.15 * random.random(len(rows)), 0, 1)


@pytest.mark.exhibit
@pytest.mark.ml_test_score("M6")
def test_every_kind_of_slice_is_measured(world):
    """Each with its size, its share late and intervals around its figures."""
    found = slices.slice_metrics(*world, champion=None, seed=1)
    assert {each.kind for each in found} == {"carrier", "origin", "month", "hour", "distance", "dest"}
    by_kind = [each for each in found if each.kind == "origin"]
    assert sum(each.rows for each in by_kind) == len(world[0])
    assert [each.name for each in found if each.kind == "hour"] == ["0-9 h", "9-12 h", "12-15 h", "15-18 h", "18-24 h"]
    assert all(each.figures["brier"].low <= each.figures["brier"].value <= each.figures["brier"].high for each in found)
    assert not any(each.margins for each in found)


def test_a_small_slice_says_nothing(world):
    """A slice with fewer than 50 late flights, or punctual ones, is not listed."""
    rows, truth, *_ = world
    for (kind, name), places in slices.slice_rows(rows, truth).items():
        assert min(truth[places].sum(), (1 - truth[places]).sum()) >= slices.MIN_OF_EACH_CLASS, (kind, name)


def test_a_slice_of_one_day_is_measured(world):
    """A third of the resampled sets of days leave that day out; its interval comes from the others."""
    rows, truth, days, good = world
    there = (rows[LOCATION] == PLACES[-1]).to_numpy()
    found = slices.slice_metrics(rows, truth, np.where(there, days[0], days), good, None, seed=1)
    one_day = next(each for each in found if each.name == PLACES[-1])
    assert np.isfinite([one_day.figures[name].low for name in slices.SLICED]).all()


@pytest.mark.ml_test_score("M6", injects="the probabilities of one place are shuffled")
def test_a_spoiled_slice_stands_out_and_no_other(world):
    """Planted: the probabilities of one place are shuffled. Its interval is below all others' values."""
    rows, truth, days, good = world
    bad = good.copy()
    there = (rows[LOCATION] == PLACES[-1]).to_numpy()
    bad[there] = np.random.default_rng(1).permutation(bad[there])
    found = {(each.kind, each.name): each for each in slices.slice_metrics(rows, truth, days, bad, good, seed=1)}
    spoiled = found.pop((LOCATION, PLACES[-1]))
    assert spoiled.figures["roc_auc"].high < 0.6
    assert spoiled.margins["roc_auc"].high < 0
    assert found[LOCATION, PLACES[0]].margins["roc_auc"].value == 0
    assert found[LOCATION, PLACES[0]].figures["roc_auc"].low > 0.6


def test_forty_looks_need_wider_intervals():
    """Among forty slices without any effect, single intervals miss zero somewhere; intervals at once rarely do."""
    random = np.random.default_rng(0)
    missed = {"single": 0, "at once": 0}
    for _ in range(40):
        values = random.normal(size=40)
        drawn = {slice_: np.append(value, value + random.normal(size=200)) for slice_, value in enumerate(values)}
        missed["single"] += bool((abs(values) > 1.96).any())
        missed["at once"] += any(
            each.low > 0 or each.high < 0 for each in slices.simultaneous_intervals(drawn).values()
        )
    assert missed["single"] > 25
    assert missed["at once"] < 8


def test_nothing_to_measure_is_no_slice():
    """Without a slice there is no interval."""
    assert slices.simultaneous_intervals({}) == {}


@pytest.mark.exhibit
@pytest.mark.ml_test_score("M6", injects="the champion's answers for one airport are shuffled")
def test_a_slice_that_does_not_suffice_is_blocked(world):
    """Planted: the answers for one airport are shuffled. The gate's criterion names that airport alone."""
    rows, truth, days, good = world
    bad = good.copy()
    there = np.flatnonzero(rows["origin"] == "LGA")
    bad[there] = np.random.default_rng(0).permutation(bad[there])
    evidence = SimpleNamespace(measured={"slices": slices.slice_metrics(rows, truth, days, bad, None, seed=1)})
    said = slices.slices(evidence)
    assert "origin LGA has" in said
    assert "origin EWR" not in said
