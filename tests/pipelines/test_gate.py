"""Every criterion refuses the candidate that it is there for, and lets a good one pass."""

import dataclasses
from types import SimpleNamespace

import pytest

from flights.plugins import load_plugins
from flights.resampling import Interval
from pipelines import check, gate
from pipelines.check import Evidence

SURE = {"roc_auc": Interval(0.02, 0.01, 0.03), "brier": Interval(0.01, 0.005, 0.015)}
EQUAL = {"roc_auc": Interval(0.0, -0.05, 0.05), "brier": Interval(0.0, -0.02, 0.02)}
GAP_DAYS, WATERMARK_HOURS = 2, 33
LIMITS = {  # whatever config.py has, the evidence below is judged by these
    "MAX_CALIBRATION_ERROR": 0.08,
    "MAX_MISSING_FEED_ERRORS": {"weather": 0.06},
    "MAX_PLAUSIBLE_ROC_AUC": 0.8,
    "MIN_SLICE_ROC_AUC": 0.6,
    "TO_BEAT": ("tree", "logistic"),
    "WATERMARK_HOURS": WATERMARK_HOURS,
    "feeds": lambda: ["aircraft", "network", "weather"],
}
SILENT = {
    feed: {"roc_auc": 0.755, "brier": 0.111, "calibration_error": 0.04} for feed in ("aircraft", "network", "weather")
}
UNKNOWN = Interval(0.7, float("nan"), float("nan"))


def replace(evidence, **changes):
    """Evidence with other values; those that a check measures are found by their name."""
    names = {field.name for field in dataclasses.fields(Evidence)}
    measured = evidence.measured | {name: value for name, value in changes.items() if name not in names}
    others = {name: value for name, value in changes.items() if name in names}
    return dataclasses.replace(evidence, measured=measured, **others)


def without(feed, **figures):
    """The good evidence with other figures for a missing feed."""
    return replace(GOOD, missing_feeds=SILENT | {feed: SILENT[feed] | figures})


def airport(roc_auc, margins=EQUAL):
    """A slice with these figures."""
    figures = {"roc_auc": roc_auc, "brier": Interval(0.1, 0.09, 0.11)}
    return SimpleNamespace(kind="origin", name="LGA", rows=1000, positive=0.2, figures=figures, margins=margins)


GOOD = Evidence(
    metrics={
        "roc_auc": Interval(0.76, 0.74, 0.78),
        "brier": Interval(0.11, 0.10, 0.12),
        "calibration_error": Interval(0.03, 0.02, 0.04),
    },
    models={
        "heuristic": {
            "roc_auc": Interval(0.65, 0.63, 0.67),
            "brier": Interval(0.14, 0.13, 0.15),
            "calibration_error": Interval(0.1, 0.07, 0.12),
        }
    },
    margins={
        "heuristic": {"roc_auc": Interval(0.11, 0.09, 0.13), "brier": Interval(0.02, 0.01, 0.03)},
        "tree": SURE,
        "logistic": SURE,
        "champion": {"roc_auc": Interval(-0.001, -0.004, 0.002), "brier": Interval(0.0, -0.001, 0.001)},
    },
    champion=1,
    champion_unloadable="",
    replace_champion=False,
    invalid_probabilities=0,
    measured={
        "slices": [airport(Interval(0.7, 0.6, 0.8))],
        "missing_feeds": SILENT,
        "parity": 1e-15,
        "repeat": 0.0,
        "retrained": 0.0,
        "row_ms": 0.3,
        "model_mb": 0.2,
        "same_contract": True,
        "uncommitted": "",
        "rows_seen_in_training": 0,
        "days_after_training": 2.2,  # GAP_DAYS, and the night in which nothing departs
    },
)
ALONE = {name: margins for name, margins in GOOD.margins.items() if name != "champion"}
UNLOADABLE = replace(GOOD, champion_unloadable="no feature `tailwind`", margins=ALONE)


def with_margin(model, **margins):
    """The good evidence with other margins over one model."""
    return replace(GOOD, margins=GOOD.margins | {model: GOOD.margins[model] | margins})


def with_metric(**metrics):
    """The good evidence with other metrics."""
    return replace(GOOD, metrics=GOOD.metrics | metrics)


BAD = {
    "not a number": (replace(GOOD, invalid_probabilities=3, metrics={}), "valid"),
    "not what was trained": (replace(GOOD, parity=0.02), "portable"),
    "not comparable at all": (replace(GOOD, parity=float("nan")), "portable"),
    "trained on the holdout": (replace(GOOD, rows_seen_in_training=12), "clean_holdout"),
    "split at random": (replace(GOOD, days_after_training=-59.0), "clean_holdout"),
    "split without a gap": (replace(GOOD, days_after_training=0.25), "clean_holdout"),
    "a gap shorter than labels take": (replace(GOOD, days_after_training=32.9 / 24), "clean_holdout"),
    "a gap that nobody measured": (replace(GOOD, days_after_training=float("nan")), "clean_holdout"),
    "ranks like the heuristic": (with_margin("heuristic", roc_auc=Interval(0.01, -0.01, 0.03)), "beats_heuristic"),
    "estimates like the heuristic": (with_margin("heuristic", brier=Interval(0.01, 0.0, 0.02)), "beats_heuristic"),
    "knows the outcome": (with_metric(roc_auc=Interval(0.97, 0.96, 0.98)), "not_too_good"),
    "exaggerates": (with_metric(calibration_error=Interval(0.12, 0.1, 0.14)), "calibrated"),
    "worse than the champion": (with_margin("champion", roc_auc=Interval(-0.02, -0.03, -0.01)), "champion"),
    "answers by chance": (replace(GOOD, repeat=0.1), "repeatable"),
    "of other columns": (replace(GOOD, same_contract=False), "same_contract"),
    "trained by chance": (replace(GOOD, retrained=0.1), "repeatable"),
    "from a dirty tree": (replace(GOOD, uncommitted="the working tree had changes"), "committed"),
    "too slow": (replace(GOOD, row_ms=30.0), "fast"),
    "too large": (replace(GOOD, model_mb=50.0), "small"),
    "touches the heuristic exactly": (with_margin("heuristic", roc_auc=Interval(0.01, 0.0, 0.02)), "beats_heuristic"),
    "not worth its trees": (with_margin("logistic", brier=Interval(0.0, -0.01, 0.01)), "worth_it"),
    "bad at one airport": (replace(GOOD, slices=[airport(Interval(0.5, 0.45, 0.55))]), "slices"),
    "worse at one airport": (
        replace(GOOD, slices=[airport(Interval(0.7, 0.6, 0.8), EQUAL | {"roc_auc": Interval(-0.03, -0.04, -0.01)})]),
        "slices_champion",
    ),
    "silence is a message to it": (without("weather", calibration_error=0.3), "missing_feeds"),
    "more than is promised without weather": (without("weather", calibration_error=0.07), "missing_feeds"),
    "more than the fallback's without the network": (without("network", calibration_error=0.11), "missing_feeds"),
    "worse than the fallback without weather": (without("weather", roc_auc=0.62, brier=0.115), "missing_feeds"),
    "silence without a figure": (without("weather", roc_auc=float("nan")), "missing_feeds"),
    "no silence was tried": (replace(GOOD, missing_feeds={}), "missing_feeds"),
    "the silence of one feed was not tried": (
        replace(GOOD, missing_feeds={"weather": SILENT["weather"]}),
        "missing_feeds",
    ),
    "no slices": (replace(GOOD, slices=[]), "slices"),
    "a slice without limits": (replace(GOOD, slices=[airport(UNKNOWN)]), "slices"),
    "a slice compared without limits": (
        replace(GOOD, slices=[airport(Interval(0.7, 0.6, 0.8), {"roc_auc": UNKNOWN, "brier": EQUAL["brier"]})]),
        "slices_champion",
    ),
    "slices that were not compared": (replace(GOOD, slices=[airport(Interval(0.7, 0.6, 0.8), {})]), "slices_champion"),
    "a step down": (with_margin("champion", roc_auc=Interval(-0.01, -0.02, 0.0)), "champion"),
    "a champion compared without limits": (with_margin("champion", roc_auc=UNKNOWN), "champion"),
    "knows nothing": (with_metric(calibration_error=Interval(float("nan"), 0.0, 0.0)), "calibrated"),
    "estimates worse than it": (with_margin("champion", brier=Interval(-0.02, -0.03, -0.01)), "champion"),
}


BAD = {name: each for name, each in BAD.items() if each[1] in {asked.name for asked in gate.criteria()}}


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    """The gate's limits and feeds, independent of the declared ones."""
    for module in check.families().values():
        for name in LIMITS.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, LIMITS[name])


def failure(criterion, evidence):
    """Why a candidate fails one criterion."""
    return next(each.failure(evidence) for each in gate.criteria() if each.name == criterion)


def test_a_good_candidate_passes():
    """No criterion objects, whether there is a champion or not."""
    assert all(check.passed for check in gate.checks(GOOD))
    assert all(check.passed for check in gate.checks(replace(GOOD, champion=None, margins=ALONE)))


def test_a_champion_that_cannot_be_loaded_is_replaced_only_by_decision():
    """Nothing can be compared: both comparisons refuse with the way out, and are met once somebody takes it."""
    refusals = [check for check in gate.checks(UNLOADABLE) if not check.passed]
    assert {check.name for check in refusals} == {"champion", "slices_champion"}
    for each in refusals:
        assert "champion 1 cannot be loaded by this code, so nothing can be compared" in each.failure
        assert "(no feature `tailwind`): `make train REPLACE_CHAMPION=true`" in each.failure
    assert all(check.passed for check in gate.checks(replace(UNLOADABLE, replace_champion=True)))
    assert gate.checks(replace(GOOD, replace_champion=True)) == gate.checks(GOOD)
    worse = with_margin("champion", roc_auc=Interval(-0.02, -0.03, -0.01))
    assert gate.checks(replace(worse, replace_champion=True)) == gate.checks(worse)


@pytest.mark.ml_test_score("M5", injects="Exactly the criterion that watches for it objects, and says what it found")
@pytest.mark.ml_test_score("O6", injects="Exactly the criterion that watches for it objects, and says what it found")
@pytest.mark.parametrize(("evidence", "criterion"), BAD.values(), ids=BAD)
def test_a_bad_candidate_is_refused_for_its_own_reason(evidence, criterion):
    """Exactly the criterion that watches for it objects, and says what it found."""
    refusals = [check for check in gate.checks(evidence) if not check.passed]
    assert [check.name for check in refusals] == [criterion]
    assert refusals[0].failure


def test_with_nothing_to_beat_nothing_is_worth_it(monkeypatch):
    """Planted: a list of simpler models without a name in it."""
    monkeypatch.setattr(check.families()["baselines"], "TO_BEAT", ())
    assert [check.name for check in gate.checks(GOOD) if not check.passed] == ["worth_it"]


@pytest.mark.parametrize("simpler", ["tree", "logistic"])
@pytest.mark.parametrize("metric", ["roc_auc", "brier"])
def test_a_simpler_model_that_is_as_good_is_named_with_the_next_command(simpler, metric):
    """Planted: a baseline with the better figure."""
    equal = with_margin(simpler, **{metric: Interval(-0.01, -0.02, 0.0)})
    found = failure("worth_it", equal)
    assert f"{simpler} is as good" in found
    assert f"`make train ESTIMATOR={simpler}`" in found


@pytest.mark.parametrize(
    ("family", "passed"), [("hgb", False), ("lightgbm", False), ("logistic", True), ("tree", True)]
)
def test_a_family_is_compared_with_those_that_are_simpler(family, passed):
    """A logistic regression need not beat itself; boosted trees of any library must."""
    equal = with_margin("logistic", brier=Interval(-0.01, -0.02, 0.0))
    assert (not failure("worth_it", replace(equal, estimator=family))) is passed


def test_less_than_a_standard_error_below_the_champion_is_noise():
    """The tolerance's two sides: a 95 % interval of .0392 has a standard error of .01."""
    for value, passed in ((-0.009, True), (-0.011, False)):
        near = with_margin("champion", roc_auc=Interval(value, value - 0.0196, value + 0.0196))
        assert all(check.passed for check in gate.checks(near)) is passed


def test_the_gap_is_as_long_as_labels_take_on_any_day_of_the_year():
    """Two local days pass, also where the clock is put forward between them; the last label is then known."""
    assert not failure("clean_holdout", replace(GOOD, days_after_training=(24 * GAP_DAYS - 1) / 24))
    assert not failure("clean_holdout", replace(GOOD, days_after_training=WATERMARK_HOURS / 24))


def test_every_criterion_has_a_candidate_that_it_refuses():
    """A criterion that never said no is not known to be able to."""
    assert {criterion for _, criterion in BAD.values()} == {each.name for each in gate.criteria()}


@pytest.mark.parametrize("deleted", check.families())
def test_without_a_family_the_others_are_asked_for(monkeypatch, deleted):
    """Injected: one file of checks is gone. Its name and its criteria are gone too, and all others still block."""
    modules = [module for module in load_plugins(check.CHECKS) if not module.__name__.endswith(f".{deleted}")]
    gone = {each.name for each in getattr(check.families()[deleted], "CRITERIA", ())}
    monkeypatch.setattr(check, "load_plugins", lambda _: modules)
    assert deleted not in check.families()
    assert all(check.passed for check in gate.checks(GOOD))
    for evidence, criterion in BAD.values():
        assert [check.name for check in gate.checks(evidence) if not check.passed] == [criterion] * (
            criterion not in gone
        )


def test_without_any_family_invalid_probabilities_are_still_blocked(monkeypatch):
    """Injected: the whole folder is gone."""
    monkeypatch.setattr(check, "load_plugins", lambda _: [])
    assert [check.name for check in gate.checks(GOOD)] == ["valid"]
    assert not gate.checks(replace(GOOD, invalid_probabilities=3))[0].passed


def test_a_family_that_is_added_is_asked_for(monkeypatch):
    """A team's own check: its measurement reaches its criterion, and the candidate is blocked by name."""

    def properties(inputs):
        return {"words": inputs.words}

    short = check.Criterion(
        "short", "It has at most 3 words.", lambda evidence: "no" * (evidence.measured["words"] > 3)
    )
    module = SimpleNamespace(__name__="pipelines.checks.words", CRITERIA=(short,), properties=properties)
    monkeypatch.setattr(check, "load_plugins", lambda _: [module])
    measured = check.properties(SimpleNamespace(words=4))
    assert [check.name for check in gate.checks(replace(GOOD, **measured)) if not check.passed] == ["short"]
