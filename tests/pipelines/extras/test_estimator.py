"""Any model of the comparison can be the candidate, and what cannot be served is rejected before it is fitted."""

import re
import sys

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from flights import model, portable
from flights.artifacts import read_json
from flights.config import Settings
from flights.dataset import targets
from pipelines import train
from pipelines.extras import estimator
from pipelines.rows import features_of
from pipelines.training.candidate import write_candidate
from tests.contract_rows import contract_rows

SETTINGS = Settings()


@pytest.fixture(scope="module")
def rows():
    """Rows that the contract allows, with outcomes."""
    found = contract_rows(4000)
    found = found[~np.isnan(targets(found))].reset_index(drop=True)
    return found.iloc[:2500], found.iloc[2500:]


@pytest.mark.parametrize(
    "family", ["tree", "logistic", "lightgbm", "xgboost", pytest.param("torch", marks=pytest.mark.heavy)]
)
def test_a_family_is_trained_and_exported(family, rows, monkeypatch, tmp_path):
    """The candidate is of that family, and its portable form passed the parity check, golden rows among them."""
    monkeypatch.setenv("ESTIMATOR", family)
    monkeypatch.setattr(model, "MODELS", (model.CANDIDATE,))
    estimator.preflight(SETTINGS)
    chosen = train.estimator_of(SETTINGS, *rows)
    fits = train.fit_models(*rows, 0, chosen)
    write_candidate(tmp_path, fits, rows[1], {"estimator": chosen})
    assert read_json(tmp_path / "training.json", "")["estimator"] == family
    assert (tmp_path / portable.TREES).is_file()


def test_the_default_is_what_it_was(rows):
    """Without ESTIMATOR the candidate is the same to the bit."""
    assert estimator.choose_estimator(SETTINGS, *rows) == model.HGB
    features, y_true = features_of(rows[0]), targets(rows[0])
    one, other = (model.build_model(name, 0).fit(features, y_true) for name in (model.CANDIDATE, model.HGB))
    assert (one.predict_proba(features) == other.predict_proba(features)).all()


@pytest.mark.parametrize("name", ["oracle", "HGB", ""])
def test_an_unknown_family_ends_in_one_line(name, monkeypatch):
    """It names the setting, the value and the choices."""
    monkeypatch.setenv("ESTIMATOR", name)
    with pytest.raises(SystemExit, match=f"^ESTIMATOR={name}: Input should be 'hgb', .*'auto'$"):
        estimator.preflight(SETTINGS)


@pytest.mark.parametrize(
    ("name", "library"),
    [("lightgbm", "lightgbm"), ("xgboost", "xgboost"), ("torch", "torch"), ("auto", "lightgbm")],
)
def test_a_missing_library_is_named_with_the_next_command(name, library, monkeypatch):
    """Injected: an environment without it."""
    monkeypatch.setenv("ESTIMATOR", name)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"flights.exporters._{library}_classifier", raising=False)
    with pytest.raises(SystemExit, match=f"{library} is not installed: `make train ESTIMATOR={name}` installs it"):
        estimator.preflight(SETTINGS)


def test_a_family_without_an_exporter_is_rejected_before_it_is_fitted(rows, monkeypatch):
    """Planted: a model that no exporter writes; with and without the plug-in, its name is in the message."""
    monkeypatch.setattr(model, "build_model", lambda *_: Pipeline([("last", GaussianNB())]))
    with pytest.raises(SystemExit, match="no exporter for GaussianNB"):
        estimator.preflight(SETTINGS)
    with pytest.raises(portable.NoExporterError, match="no exporter for GaussianNB"):
        train.estimator_of(SETTINGS, *rows)


@pytest.mark.parametrize("there", [True, False])
def test_auto_compares_pytorch_only_where_it_is(there, monkeypatch):
    """It is the last in the order, and `auto` does not install it."""
    monkeypatch.setattr(estimator, "find_spec", lambda name: there and name == "torch")
    assert estimator.compared() == list(estimator.SIMPLEST_FIRST[: None if there else -1])
    assert ("torch" in estimator.compared()) is there


def measured(**areas):
    """Each family's ROC-AUC, and what it is on resampled days: 0.01 to both sides, each family's own noise."""
    draws = np.random.default_rng(0)
    return {
        name: (
            {"roc_auc": area, "brier": 0.2},
            {"roc_auc": area + draws.normal(0, 0.01, 400), "brier": np.full(400, 0.2)},
        )
        for name, area in areas.items()
    }


@pytest.mark.parametrize(
    ("areas", "expected"),
    [
        ({"tree": 0.70, "logistic": 0.75, "hgb": 0.80}, "hgb"),
        ({"tree": 0.70, "logistic": 0.792, "hgb": 0.80, "lightgbm": 0.801}, "logistic"),
        ({"tree": 0.795, "logistic": 0.75, "hgb": 0.80}, "tree"),
        ({"tree": 0.60, "logistic": 0.81, "hgb": 0.80}, "logistic"),
    ],
)
def test_auto_takes_the_simplest_within_one_standard_error(areas, expected):
    """Of a difference with a standard error of 0.014; and it says so."""
    name, sentence = estimator.simplest(measured(**areas))
    assert name == expected
    assert "the best" in sentence
    assert max(areas, key=areas.__getitem__) in sentence


def test_auto_fits_every_family_and_says_what_it_chose(rows, monkeypatch, capsys):
    """It is the family that is trained, and the line names each family's ROC-AUC."""
    monkeypatch.setenv("ESTIMATOR", "auto")
    monkeypatch.setattr(estimator, "SIMPLEST_FIRST", ("tree", "logistic"))
    name = train.estimator_of(SETTINGS, *rows)
    line = capsys.readouterr().out
    assert line.startswith(f"estimator {name}: the ")
    assert re.search(r"ROC-AUC on validation: tree 0\.\d+, logistic 0\.\d+\)$", line.strip())


def test_auto_compares_the_brier_score_too():
    """Planted: a tree that ranks as well, with probabilities that are significantly worse."""
    found = measured(tree=0.80, hgb=0.801)
    found["tree"][0]["brier"] = 0.25
    assert estimator.simplest(found)[0] == "hgb"
