"""Trees that ONNX cannot hold are refused, and those that found nothing are constants."""

import numpy as np
import onnxruntime
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from flights.exporters._graph import Graph
from flights.exporters.hist_gradient_boosting import add_probability


def onnx_bytes(trees, features):
    """The trees as an ONNX model."""
    graph = Graph()
    add_probability(graph, trees)
    return graph.content(features)


@pytest.mark.ml_test_score("I2", injects="They have no exact portable form: encode categories as tables")
def test_categorical_splits_are_refused():
    """They have no exact portable form: encode categories as tables."""
    data = np.column_stack([np.arange(400) % 7, np.arange(400)]).astype(float)
    trees = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0], early_stopping=False)
    trees.fit(data, np.isin(data[:, 0], [1, 4]))
    with pytest.raises(ValueError, match="purely numeric splits"):
        onnx_bytes(trees, 2)


@pytest.mark.ml_test_score("I2", injects="A model that learned nothing is the prior, and no candidate")
def test_trees_that_found_nothing_are_refused():
    """A model that learned nothing is the prior, and no candidate."""
    data = np.zeros((100, 1))
    trees = HistGradientBoostingClassifier(max_iter=2, early_stopping=False).fit(data, np.arange(100) % 4 == 0)
    with pytest.raises(ValueError, match="too little data"):
        onnx_bytes(trees, 1)


def test_a_tree_that_found_nothing_is_a_constant():
    """Late trees may have nothing left to split; their constant is added."""

    data = np.arange(200.0).reshape(-1, 1)
    late = (data[:, 0] > 100) ^ (data[:, 0] % 9 == 0)
    trees = HistGradientBoostingClassifier(max_iter=3, early_stopping=False, min_samples_leaf=40).fit(data, late)
    trees._predictors[1][0].nodes = trees._predictors[1][0].nodes[:1].copy()
    trees._predictors[1][0].nodes["is_leaf"] = 1
    session = onnxruntime.InferenceSession(onnx_bytes(trees, 1))
    found = session.run(None, {"features": data})[0][:, 0]
    np.testing.assert_allclose(found, trees.predict_proba(data)[:, 1], atol=1e-12)
