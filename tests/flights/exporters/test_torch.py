"""Networks answer what PyTorch answers, and what their export could lose is found by the parity check.

Marked `heavy`, as no other target installs PyTorch.
"""

import sys

import numpy as np
import onnx
import pytest
import skops.io
from onnx import helper, numpy_helper
from sklearn.base import clone

from flights import model, portable
from flights.exporters import torch as exporter
from pipelines.training.recalibration import recalibrated
from tests.flights.exporters import test_families as shared
from tests.flights.exporters.families import odd, on_indicators, on_scaled
from tests.flights.exporters.test_families import FRAME, TARGET, exported, parity

pytestmark = pytest.mark.heavy


@pytest.fixture(autouse=True)
def without_features(monkeypatch):
    """The columns of a table are its features."""
    monkeypatch.setattr(portable, "build_features", lambda columns: columns)


def plain(inputs=1):
    """One layer."""
    from torch import nn

    return nn.Sequential(nn.Linear(inputs, 2)).double()


def nested(inputs=1):
    """Layers in layers, with every activation, without a bias, and with dropout before all others."""
    from torch import nn

    inner = nn.Sequential(nn.Linear(inputs, 12, bias=False), nn.Tanh(), nn.Identity(), nn.Dropout(0.5))
    return nn.Sequential(
        nn.Dropout(0.2), inner, nn.Linear(12, 6), nn.Sigmoid(), nn.Linear(6, 2), nn.ReLU(), nn.Linear(2, 2)
    ).double()


def network(**options):
    """The family's classifier, after a short training."""
    return exporter.classifier(0, **{"max_epochs": 4, "batch_size": 64, **options})


NETWORKS = {
    "network": lambda: on_indicators(network()),
    "network, rare values together": lambda: on_indicators(network(), max_categories=20),
    "network, one layer": lambda: on_indicators(network(module=plain), handle_unknown="ignore"),
    "network, nested and scaled again": lambda: on_scaled(network(module=nested)),
}


@pytest.fixture(scope="module")
def fitted():
    """Every network, fitted."""
    return {name: make().fit(FRAME, TARGET) for name, make in NETWORKS.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_agrees(name, fitted, tmp_path):
    """On known rows, and on rows with unseen and missing values, zeros and huge numbers."""
    folder = exported(fitted[name], tmp_path)
    assert max(parity(fitted[name], folder, rows) for rows in (FRAME, odd(FRAME))) <= 1e-12
    assert np.ptp(fitted[name].predict_proba(FRAME)[:, 1]) > 0.05


@pytest.mark.parametrize("name", NETWORKS)
def test_recalibration_is_exported(name, fitted, tmp_path):
    """Slope and shift follow the log-odds."""
    again = recalibrated(fitted[name], FRAME, ~TARGET)
    parity(again, exported(again, tmp_path), FRAME)


def dropout_left_on(folder):
    """A tenth of the units is dropped at random, as in training; ONNX Runtime leaves out a node named Dropout."""
    content = onnx.load(folder / portable.TREES)
    nodes = content.graph.node
    place, active = next((place, node) for place, node in enumerate(nodes) if node.op_type in {"Relu", "Tanh"})
    (name,) = active.output
    active.output[0] = "all"
    content.graph.initializer.append(numpy_helper.from_array(np.array(0.1), "rate"))
    for node in (
        helper.make_node("RandomUniformLike", ["all"], ["drawn"]),
        helper.make_node("Greater", ["drawn", "rate"], ["kept"]),
        helper.make_node("Cast", ["kept"], ["mask"], to=onnx.TensorProto.DOUBLE),
        helper.make_node("Mul", ["all", "mask"], [name]),
    ):
        nodes.insert(place := place + 1, node)
    (folder / portable.TREES).write_bytes(content.SerializeToString())


def float32_weights(folder):
    """The weights as PyTorch's own export writes them."""

    def single(_graph, _name, values):
        return values.astype(np.float32).astype(float) if values.dtype == float and values.ndim == 2 else values

    shared.changed(folder, single)


def biases_lost(folder):
    """Every layer adds up from zero."""

    def zero(graph, name, values):
        added = shared.used_by(graph, name, "Gemm") or shared.used_by(graph, name, "Add")
        return values * 0 if added and values.ndim == 1 else values

    shared.changed(folder, zero)


EVERY = list(NETWORKS)
PLANTED = {
    "dropout left on": (dropout_left_on, ["network", "network, rare values together", EVERY[-1]]),
    "float32 weights": (float32_weights, EVERY),
    "scaler left outside": (shared.scaler_left_outside, EVERY),
    "columns in another order": (shared.columns_in_another_order, EVERY),
    "biases lost": (biases_lost, EVERY),
    "unseen category": (shared.unseen_is_the_last, EVERY),
    "NaN filled differently": (shared.missing_filled_with_zero, EVERY),
}
CASES = [(fault, name) for fault, (_, names) in PLANTED.items() for name in names]


@pytest.mark.parametrize(("fault", "name"), CASES, ids=[": ".join(each) for each in CASES])
def test_what_an_export_could_lose_is_found(fault, name, fitted, tmp_path):
    """Injected into the exported files: each is blocked by the parity check."""
    folder = exported(fitted[name], tmp_path)
    parity(fitted[name], folder, odd(FRAME))
    PLANTED[fault][0](folder)
    with pytest.raises(portable.ParityError, match="a difference of"):
        parity(fitted[name], folder, odd(FRAME))


def test_the_limit_of_other_families_would_let_single_precision_pass(fitted, tmp_path):
    """Why networks keep 1e-9: on usual rows the difference is smaller than 1e-6."""
    folder = exported(fitted["network"], tmp_path)
    float32_weights(folder)
    ours = portable.load(folder)({name: FRAME[name].to_numpy() for name in FRAME})
    theirs = fitted["network"].predict_proba(FRAME)[:, 1]
    assert portable.check_parity(ours, theirs, portable.MAX_TOLERANCE) > exporter.TOLERANCE


@pytest.mark.parametrize("name", ["network", "network, rare values together", EVERY[-1]])
def test_a_network_that_was_measured_in_training_mode_is_found(name, fitted, tmp_path):
    """Injected: the trained model's own probabilities, with dropout left on."""
    from torch import softmax

    folder = exported(fitted[name], tmp_path)
    answers = fitted[name][-1].forward(fitted[name][:-1].transform(FRAME), training=True)
    ours = portable.load(folder)({name: FRAME[name].to_numpy() for name in FRAME})
    with pytest.raises(portable.ParityError, match="a difference of"):
        portable.check_parity(ours, softmax(answers.detach(), 1)[:, 1].numpy(), portable.tolerance(folder))


def layered(*make):
    """An unfitted pipeline whose network has other layers in its middle."""

    def build(inputs=1):
        from torch import nn

        return nn.Sequential(nn.Linear(inputs, 4), *(each() for each in make), nn.Linear(4, 2)).double()

    return on_indicators(network(module=build))


def custom():
    """A layer of one's own."""
    from torch import nn

    class Mine(nn.Module):
        def forward(self, values):
            return values

    return Mine()


def skorchs_own():
    """skorch's classifier, whose state is a pickle."""
    import skorch
    from torch import nn

    return on_indicators(skorch.NeuralNetClassifier(plain, criterion=nn.CrossEntropyLoss))


def torch_nn():
    from torch import nn

    return nn


REJECTED = {
    "a convolution": (lambda: layered(lambda: torch_nn().Conv1d(1, 1, 1)), "layers Conv1d: expected Linear, ReLU"),
    "a recurrent layer": (lambda: layered(lambda: torch_nn().LSTM(4, 4)), "layers LSTM"),
    "batch normalization": (lambda: layered(lambda: torch_nn().BatchNorm1d(4)), "layers BatchNorm1d"),
    "a layer of one's own": (lambda: layered(custom), "layers Mine"),
    "two of them": (lambda: layered(custom, lambda: torch_nn().GRU(4, 4)), "layers Mine, GRU"),
    "single precision": (lambda: on_indicators(network(module=lambda: plain().float())), "weights of torch.float32"),
    "one output": (
        lambda: on_indicators(network(module=lambda: torch_nn().Linear(3, 1).double())),
        "the layers' ends: expected Linear first and last, with 2 outputs",
    ),
    "an activation at the end": (
        lambda: on_indicators(network(module=lambda: torch_nn().Sequential(plain(), torch_nn().ReLU()))),
        "the layers' ends",
    ),
    "no layer": (lambda: on_indicators(network(module=lambda: torch_nn().Sequential())), "the layers' ends"),
    "another criterion": (lambda: on_indicators(network(criterion=torch_nn().NLLLoss)), "the criterion"),
    "skorch's own classifier": (skorchs_own, "NeuralNetClassifier: expected the classifier"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_not_exported_is_rejected_by_name_before_it_is_fitted(name):
    """When `make train` starts, which asks for the exporter of an unfitted model."""
    make, message = REJECTED[name]
    with pytest.raises(portable.NoExporterError, match=message):
        portable.exporter(make())


def test_the_same_seed_gives_the_same_weights():
    """Whatever was drawn before, and with any number of threads; another seed gives others."""
    import torch

    threads = torch.get_num_threads()
    first = NETWORKS["network"]().fit(FRAME, TARGET).predict_proba(FRAME)
    torch.manual_seed(9)
    torch.set_num_threads(2)
    again = clone(NETWORKS["network"]()).fit(FRAME, TARGET).predict_proba(FRAME)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    assert (first == again).all()
    other = NETWORKS["network"]().set_params(last__seed=1).fit(FRAME, TARGET).predict_proba(FRAME)
    assert (first != other).any()


def test_a_network_is_kept_without_a_pickle():
    """skops writes and reads it, fitted or not; of what the family trusts, nothing is idle."""
    pipeline = on_indicators(network())
    assert skops.io.loads(skops.io.dumps(pipeline), trusted=model.trusted_types())[-1].max_epochs == 4
    content = skops.io.dumps(pipeline.fit(FRAME, TARGET))
    assert set(exporter.TRUSTED_TYPES) <= set(skops.io.get_untrusted_types(data=content))
    again = skops.io.loads(content, trusted=model.trusted_types())
    assert (again.predict_proba(FRAME) == pipeline.predict_proba(FRAME)).all()
    assert (again.classes_ == [False, True]).all()


def test_the_service_needs_no_pytorch(fitted, tmp_path, monkeypatch):
    """Injected: an environment without it, in which the exported network is loaded."""
    folder = exported(fitted["network"], tmp_path)
    expected = fitted["network"].predict_proba(FRAME)[:, 1]
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "skorch", None)
    ours = portable.load(folder)({name: FRAME[name].to_numpy() for name in FRAME})
    portable.check_parity(ours, expected, portable.tolerance(folder))


def test_a_category_gives_a_limited_number_of_columns():
    """5,000 dense columns of 60,000 rows would take 2.4 GB; the rarest values share one."""
    encode = exporter.estimator(0)["encode"]
    name = encode.transformers[0][2][0]
    one_hot = encode.transformers[0][1].fit([[str(number % 5000)] for number in range(20_000)])
    assert len(one_hot.get_feature_names_out([name])) == exporter.MAX_ONE_HOT
