"""scikit-learn's logistic regression with its encoder, imputer and scaler: one graph, a lookup for each category."""

from pathlib import Path
from typing import Any

from flights.exporters._encode import encoded, ends_with, last_step, weighted
from flights.exporters._graph import Graph

TOLERANCE = 1e-9  # 6e-16 in the tests


def can_export(pipeline: Any) -> bool:
    """Whether the last of a pipeline's steps is of this family."""
    return ends_with(pipeline, "LogisticRegression")


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted pipeline with its recalibration; thousands of categories are as many numbers, not columns."""
    graph, weights = Graph(), last_step(pipeline)
    blocks, tables = encoded(pipeline, graph)
    logit = weighted(blocks, weights.coef_.T, graph)
    graph.add_probability(logit, float(weights.intercept_.item()), slope, shift)
    graph.write(folder, len(tables.order))
    tables.write(folder, TOLERANCE)
