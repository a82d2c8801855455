"""The worked example of docs/estimators.md: a file in the exporters' folder is a family, with its planted mistakes."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from flights import exporters, model, portable
from flights.dataset import targets
from pipelines import train
from pipelines.rows import features_of
from pipelines.training.candidate import write_candidate
from pipelines.training.recalibration import recalibrated
from tests.contract_rows import contract_rows
from tests.flights.exporters import test_families as shared
from tests.flights.exporters.families import odd, on_indicators, table

FRAME, TARGET = table()
NAME = "gaussian"


@pytest.fixture
def _added(monkeypatch):
    """The example's file is in the exporters' folder."""
    monkeypatch.setattr(exporters, "__path__", [*exporters.__path__, str(Path(__file__).parent / "added")])


@pytest.fixture
def _without_features(monkeypatch):
    """The columns of a table are its features."""
    monkeypatch.setattr(portable, "build_features", lambda columns: columns)


@pytest.fixture(scope="module")
def fitted():
    """The family on the table with every kind of odd value."""
    return on_indicators(GaussianNB(var_smoothing=1e-2)).fit(FRAME, TARGET)


def test_without_the_file_the_family_is_unknown():
    """Nothing is fitted."""
    with pytest.raises(KeyError, match=NAME):
        model.build_model(NAME, 0)


@pytest.mark.usefixtures("_added")
def test_with_the_file_it_is_trained_and_exported(monkeypatch, tmp_path):
    """It is found, fitted, and written; validation and golden rows passed the parity check."""
    monkeypatch.setattr(model, "MODELS", (model.CANDIDATE,))
    rows = contract_rows(3000)
    rows = rows[~np.isnan(targets(rows))].reset_index(drop=True)
    fits = train.fit_models(rows[:2000], rows[2000:], 0, NAME)
    write_candidate(tmp_path, fits, rows[2000:], {"estimator": NAME})
    assert portable.exporter(model.build_model(NAME, 0)).__name__ == "flights.exporters.gaussian_nb"
    assert np.ptp(fits[model.CANDIDATE].pipeline.predict_proba(features_of(rows[2000:]))[:, 1]) > 0.1


@pytest.mark.usefixtures("_added", "_without_features")
def test_it_agrees(fitted, tmp_path):
    """On known rows, and on rows with unseen and missing values, zeros and huge numbers."""
    folder = shared.exported(fitted, tmp_path)
    assert max(shared.parity(fitted, folder, rows) for rows in (FRAME, odd(FRAME))) <= 1e-12
    with pytest.raises(ValueError, match="a recalibrated GaussianNB"):
        portable.export(recalibrated(fitted, FRAME, ~TARGET), tmp_path)


def is_mean(graph, name):
    """Whether a constant is a class's mean: what is subtracted from the columns before they are squared."""
    squared = {node.input[0] for node in graph.node if node.op_type == "Mul" and node.input[0] == node.input[1]}
    return any(node.op_type == "Sub" and node.output[0] in squared and name in node.input for node in graph.node)


def one_mean_for_both(folder):
    """Each class has the means of the first one."""
    found = []

    def first(graph, name, values):
        if is_mean(graph, name):
            found.append(values)
            return found[0]
        return values

    shared.changed(folder, first)


def in_single_precision(folder):
    """The means as the usual converters write them."""

    def rounded(graph, name, values):
        return values.astype(np.float32).astype(float) if is_mean(graph, name) else values

    shared.changed(folder, rounded)


PLANTED = {
    "scaler left outside": shared.scaler_left_outside,
    "columns in another order": shared.columns_in_another_order,
    "prior lost": shared.base_score_lost,
    "unseen category": shared.unseen_is_the_last,
    "NaN filled differently": shared.missing_filled_with_zero,
    "one mean for both classes": one_mean_for_both,
    "single precision": in_single_precision,
}


@pytest.mark.usefixtures("_added", "_without_features")
@pytest.mark.parametrize("fault", PLANTED)
def test_what_its_export_could_lose_is_found(fault, fitted, tmp_path):
    """Injected into the exported files: each is blocked by the parity check."""
    folder = shared.exported(fitted, tmp_path)
    PLANTED[fault](folder)
    with pytest.raises(portable.ParityError, match="a difference of"):
        shared.parity(fitted, folder, odd(FRAME))
