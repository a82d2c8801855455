"""How far ahead of the heuristic a candidate must be, by the size of the holdout."""

from types import SimpleNamespace

import pytest

from flights.resampling import Interval
from pipelines.check import COMPARED
from pipelines.checks import baselines

BETTER = Interval(0.05, 0.01, 0.09)
WIDE = Interval(0.05, -0.03, 0.13)  # ahead by more than a standard error, but not significantly
CHANCE = Interval(0.01, -0.07, 0.09)
WORSE = Interval(-0.1, -0.18, -0.02)
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def failure(margin: Interval) -> str:
    evidence = SimpleNamespace(margins={"heuristic": dict.fromkeys(COMPARED, margin)})
    return baselines.beats_heuristic(evidence)


@pytest.mark.parametrize("margin", [WIDE, CHANCE, WORSE, UNKNOWN])
def test_a_margin_that_may_be_chance_is_blocked(margin):
    """Injected: intervals that reach below zero, in every metric that models are compared in."""
    assert failure(BETTER) == ""
    assert all(f"the margin in {name} is" in failure(margin) for name in COMPARED)


def test_with_few_rows_a_standard_error_will_do(monkeypatch):
    """A good model passes; one that is equal to the heuristic, worse, or not measured is blocked."""
    monkeypatch.setattr(baselines, "SIGNIFICANT", False)
    assert failure(BETTER) == failure(WIDE) == ""
    for margin in (CHANCE, WORSE, UNKNOWN):
        assert failure(margin)
