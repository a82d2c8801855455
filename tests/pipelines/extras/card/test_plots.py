"""The pictures can be drawn from any report, and say what to see."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from flights.config import MIN_SLICE_ROC_AUC
from flights.ranking import rank
from pipelines.extras.card import plots


def test_an_axis_has_a_title_and_labels_with_units():
    """Anyone who looks at a picture knows what to see and in which unit."""
    random = np.random.default_rng(0)
    rows = {
        name: rank((random.random(500) < 0.3).astype(float), random.random(500)) for name in ("heuristic", "candidate")
    }
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    metrics = {name: {"roc_auc": figure, "precision_at_budget": figure} for name in rows}
    slices = [
        {"kind": "origin", "name": name, "rows": 500, "figures": {"roc_auc": {"value": 0.5, "low": 0.4, "high": 0.6}}}
        for name in ("EWR", "JFK")
    ]
    axes = Figure().subplots(1, 4)
    plots.draw_ranking(axes[0], metrics)
    plots.draw_calibration(axes[1], rows, {"predicted": [0.4], "low": [0.2], "high": [0.9]})
    plots.draw_alerts(axes[2], rows, metrics)
    plots.draw_slices(axes[3], slices, metrics["candidate"])
    assert all(each.get_title() and each.get_xlabel() and each.get_ylabel() for each in axes)
    assert "candidate 0.50, heuristic 0.50" in axes[0].get_title()
    assert "candidate 50%, heuristic 50%" in axes[2].get_title()
    assert "origin EWR" in axes[3].get_title()


@pytest.mark.parametrize("kinds", [1, 7, 20])
def test_slices_of_any_number_of_kinds_are_drawn(kinds: int):
    """Injected: more kinds of slice than colors."""
    figure = {"roc_auc": {"value": 0.5, "low": 0.4, "high": 0.6}}
    slices = [{"kind": f"kind {number}", "name": "a", "rows": 500, "figures": figure} for number in range(kinds)]
    axes = Figure().subplots()
    plots.draw_slices(axes, slices, figure)
    assert len(axes.get_yticks()) == kinds


def test_slices_are_sorted_and_the_gates_floor_is_drawn():
    """The weakest slice is on top, and the floor shows how far it is from a blocked release."""
    scores = {"b": 0.7, "c": 0.9, "a": 0.65}
    slices = [
        {"kind": "k", "name": name, "rows": 9, "figures": {"roc_auc": {"value": value, "low": 0.6, "high": 0.95}}}
        for name, value in scores.items()
    ]
    axes = Figure().subplots()
    plots.draw_slices(axes, slices, {"roc_auc": {"value": 0.8}})
    assert [each.get_text()[2] for each in axes.get_yticklabels()] == ["c", "b", "a"]
    assert [line.get_xdata()[0] for line in axes.lines if "floor" in str(line.get_label())] == [MIN_SLICE_ROC_AUC]


def test_calibration_is_drawn_only_where_rows_are():
    """Nobody is predicted above 30 %: the axes end near it, and not at 100 %, but no interval is cut off."""
    probabilities = np.linspace(0.05, 0.3, 500)
    targets = (np.random.default_rng(0).random(500) < probabilities).astype(float)
    axes = Figure().subplots()
    plots.draw_calibration(axes, {"candidate": rank(targets, probabilities)}, {})
    assert axes.get_xlim()[1] < 0.5
    plots.draw_calibration(
        axes, {"candidate": rank(targets, probabilities)}, {"predicted": [0.3], "low": [0.2], "high": [0.6]}
    )
    assert axes.get_ylim()[1] > 0.6
