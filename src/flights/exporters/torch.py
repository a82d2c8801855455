"""PyTorch's networks of dense layers, through skorch: their weights as they are, after the preprocessing's graph."""

from pathlib import Path
from typing import Any

import numpy as np

from flights import model
from flights.exporters._encode import encoded, ends_with, last_step, weighted
from flights.exporters._graph import Graph
from flights.portable import NoExporterError

TOLERANCE = 1e-9  # 2e-16 in the tests; 1e-6 would let weights in single precision pass
TRUSTED_TYPES = [
    "flights.exporters._torch_classifier.Batches",
    "flights.exporters._torch_classifier.Classifier",
    "flights.exporters._torch_classifier.Network",
    "skorch.dataset.Dataset",
    "torch.nn.modules.loss.CrossEntropyLoss",
    "torch.optim.adam.Adam",
]
ACTIVATIONS = {"ReLU": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh"}  # ONNX's names
MAX_ONE_HOT = 200  # dense columns that a category gives at most
INACTIVE = ("Dropout", "Identity")  # in a network that answers
Dense = tuple[Any, Any]  # weights of shape `(inputs, outputs)`, and biases


def can_export(pipeline: Any) -> bool:
    """Whether the last of a pipeline's steps is of this family.

    Raises
    ------
    NoExporterError
        It is, but the network has another form than what is exported.
    """
    if not ends_with(pipeline, "NeuralNetClassifier"):
        return False
    layers(last_step(pipeline))
    return True


def estimator(seed: int) -> Any:
    """A network on the logistic regression's columns, but dense: the rarest values of a category share one."""
    from sklearn.pipeline import Pipeline

    encode = model.logistic(seed)["encode"].set_params(
        sparse_threshold=0.0,
        categories__max_categories=MAX_ONE_HOT,
        categories__handle_unknown="infrequent_if_exist",
    )
    return Pipeline([("encode", encode), ("network", classifier(seed))])


ESTIMATORS = {"torch": estimator}


def classifier(seed: int, **options: Any) -> Any:
    """An unfitted network; the options are skorch's."""
    from torch import nn, optim

    from flights.exporters._torch_classifier import Batches, Classifier, Network

    settings = {
        "module": Network,
        "criterion": nn.CrossEntropyLoss,
        "optimizer": optim.Adam,
        "optimizer__weight_decay": 1e-4,
        "lr": 1e-3,
        "max_epochs": 8,
        "batch_size": 512,
        "iterator_train": Batches,
        "iterator_train__shuffle": True,
        "iterator_valid": Batches,
        "train_split": None,
        "callbacks": "disable",
        "verbose": 0,
        "device": "cpu",
        **options,
    }
    return Classifier(seed=seed, **settings)


def export(pipeline: Any, folder: Path, slope: float, shift: float) -> None:
    """Write a fitted pipeline with its recalibration."""
    graph = Graph()
    blocks, tables = encoded(pipeline, graph)
    (weights, bias), *rest = steps(last_step(pipeline))
    value = graph.add("Add", weighted(blocks, weights, graph), graph.constant(bias))
    for step in rest:
        constants = [] if isinstance(step, str) else [graph.constant(each) for each in step]
        value = graph.add(step if isinstance(step, str) else "Gemm", value, *constants)
    graph.add_probability(value, 0.0, slope, shift)
    graph.write(folder, len(tables.order))
    tables.write(folder, TOLERANCE)


def steps(net: Any) -> list[Any]:
    """Dense layers as arrays and activations as ONNX's names; the last layer answers with log-odds."""
    found: list[Any] = [ACTIVATIONS.get(type(layer).__name__) or dense(layer) for layer in layers(net)]
    weights, bias = found[-1]
    found[-1] = weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1]
    return found


def dense(layer: Any) -> Dense:
    """A layer's weights and biases in double precision."""
    weights = layer.weight.detach().numpy()
    return weights.T, np.zeros(len(weights)) if layer.bias is None else layer.bias.detach().numpy()


def layers(net: Any) -> list[Any]:
    """A network's layers, fitted or not, without those that do nothing when it answers.

    Raises
    ------
    NoExporterError
        What is not exported, by name.
    """
    from torch import float64, nn

    from flights.exporters._torch_classifier import Classifier

    fitted = isinstance(net, Classifier) and net.initialized_
    module = net.module_ if fitted else net.initialized_instance(net.module, net.get_params_for("module"))
    found = _flat(module)
    allowed = ("Linear", *ACTIVATIONS, *INACTIVE)
    other = [type(each).__name__ for each in found if type(each) not in [getattr(nn, name) for name in allowed]]
    kept = [each for each in found if type(each).__name__ not in INACTIVE]
    single = {str(each.dtype) for each in module.parameters() if each.dtype != float64}
    ends = [type(each).__name__ for each in (kept[:1] + kept[-1:])] == ["Linear"] * 2
    problems = {
        f"{type(net).__name__}: expected the classifier of _torch_classifier.py": not isinstance(net, Classifier),
        f"layers {', '.join(other)}: expected {', '.join(allowed)}": other,
        f"weights of {', '.join(single)}: expected torch.float64, call double()": single,
        "the layers' ends: expected Linear first and last, with 2 outputs": not ends or kept[-1].out_features != 2,
        "the criterion: expected CrossEntropyLoss": net.criterion is not nn.CrossEntropyLoss,
    }
    for problem, is_one in problems.items():
        if is_one:
            raise NoExporterError(f"{__name__} does not export {problem}")
    return kept


def _flat(module: Any) -> list[Any]:
    from torch import nn

    if type(module).forward is not nn.Sequential.forward:
        return [module]
    return [layer for part in module for layer in _flat(part)]
