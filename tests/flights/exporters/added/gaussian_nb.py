"""Gaussian naive Bayes: log-odds are a difference of squared distances. The worked example of docs/estimators.md."""

from pathlib import Path
from typing import Any

import numpy as np

from flights import model
from flights.exporters._encode import ends_with, last_step, matrix
from flights.exporters._graph import Graph

TOLERANCE = 1e-9  # 3e-16 in the tests


def can_export(pipeline: Any) -> bool:
    """Whether the last of a pipeline's steps is of this family."""
    return ends_with(pipeline, "GaussianNB")


def estimator(seed: int) -> Any:
    """Naive Bayes on the logistic regression's columns, which it needs dense."""
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import Pipeline

    encode = model.logistic(seed)["encode"].set_params(sparse_threshold=0.0)
    return Pipeline([("encode", encode), ("distances", GaussianNB(var_smoothing=1e-2))])


ESTIMATORS = {"gaussian": estimator}


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted pipeline; scikit-learn recalibrates its probabilities, not their log-odds.

    Raises
    ------
    ValueError
        It was recalibrated.
    """
    if (slope, shift) != (1.0, 0.0):
        raise ValueError("a recalibrated GaussianNB has no portable form: serve it without recalibration")
    graph, fitted = Graph(), last_step(pipeline)
    source, tables = matrix(pipeline, graph)
    classes = []
    for sign, mean, variance in zip((1, -1), fitted.theta_, fitted.var_, strict=True):
        distance = graph.add("Sub", source, graph.constant(mean))
        weights = graph.constant(sign / (2 * variance[:, None]))
        classes.append(graph.add("MatMul", graph.add("Mul", distance, distance), weights))
    negative, positive = np.log(fitted.class_prior_) - np.log(fitted.var_).sum(axis=1) / 2
    graph.add_probability(graph.add("Add", *classes), float(positive - negative), slope, shift)
    graph.write(folder, len(tables.order))
    tables.write(folder, TOLERANCE)
