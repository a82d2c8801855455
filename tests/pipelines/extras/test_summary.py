"""A screenful: every model with its interval, the gate with its reasons, and what to do next."""

import pytest

from flights.config import MAX_CALIBRATION_ERROR
from pipelines.extras import summary


def test_the_summary_fits_on_a_screen_and_says_what_is_next(trained, monkeypatch, capsys):
    """Metrics with intervals, every criterion, the card, the MLflow UI, the next command; under 40 lines."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    summary.main()
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 40
    for word in (
        "heuristic",
        "candidate",
        "card.md",
        "make mlflow",
        "make serve",
        "passed version 1",
        "champion is version 1",
    ):
        assert word in out


def report(rows=50_000, late=0.2, reach=0.02, slice_reach=0.05):
    """An evaluation with these intervals, all around 0.7."""
    interval = {"value": 0.7, "low": 0.7 - reach, "high": 0.7 + reach}
    of_slice = {"figures": {"roc_auc": {"value": 0.7, "low": 0.7 - slice_reach, "high": 0.7 + slice_reach}}}
    return {
        "holdout": {"rows": rows, "late": late},
        "margins": {"heuristic": {"roc_auc": interval}},
        "slices": [of_slice, of_slice],
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"rows": 180, "late": 0.3}, f"Calibration error (limit {MAX_CALIBRATION_ERROR}) means little with 180"),
        ({"reach": 0.11}, "The margin over the heuristic means little below 0.11 in ROC-AUC"),
        ({"slice_reach": 0.3}, "means little: 2 of 2 slices have intervals of more than 0.2"),
    ],
)
def test_limits_that_mean_little_at_this_size_are_named(changed, said):
    """Injected: few rows, a wide margin, wide slices; with enough rows nothing is said."""
    found = summary.weak_limits(report(**changed))
    assert len(found) == (said is not None)
    assert said is None or said in found[0]
