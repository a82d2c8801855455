"""The portable form answers what scikit-learn answers, for every kind of row, or is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from flights import model, portable
from flights.artifacts import read_json, read_parquet
from flights.config import AS_OF, Settings
from flights.contract import as_arrays
from flights.dataset import INPUTS, OUTCOME, targets
from flights.features import CATEGORIES
from pipelines.evaluation.inputs import candidate_folder, load_trained
from pipelines.rows import features_of
from pipelines.training import recalibration
from tests.declared import BY_NAME


@pytest.fixture(scope="module")
def folder(trained, environment):
    """The candidate's folder."""
    environment.setenv("DATA_DIR", str(trained))
    return candidate_folder(Settings())


@pytest.fixture(scope="module")
def holdout(trained):
    """Rows that the candidate did not see."""
    return read_parquet(trained / "2_splits" / AS_OF / "holdout.parquet", "")


def test_every_row_of_the_holdout_agrees(folder, holdout):
    """Portable and scikit-learn's probabilities are the same to 1e-9."""
    theirs = load_trained(folder, model.CANDIDATE).predict_proba(features_of(holdout))[:, 1]
    assert portable.check_parity(portable.load(folder)(as_arrays(holdout)), theirs) <= 1e-12


def test_a_recalibrated_model_agrees(folder, holdout, tmp_path):
    """Its slope and shift are exported with it; planted: without them it is another model."""
    rows = holdout[holdout[OUTCOME].notna()].head(2000)
    features = features_of(rows)
    plain = portable.recalibration(load_trained(folder, model.CANDIDATE))[0]
    recalibrated = recalibration.recalibrated(plain, features, targets(rows))
    theirs = recalibrated.predict_proba(features)[:, 1]
    for name, each in (("with", recalibrated), ("without", plain)):
        (tmp_path / name).mkdir()
        portable.export(each, tmp_path / name)
    portable.check_parity(portable.load(tmp_path / "with")(as_arrays(rows)), theirs)
    with pytest.raises(portable.ParityError):
        portable.check_parity(portable.load(tmp_path / "without")(as_arrays(rows)), theirs)


@pytest.mark.ml_test_score("O5")
def test_missing_values_and_unseen_categories_agree(folder, holdout):
    """Every nullable input missing, and every category that may be new is one that training never saw."""
    new = {name: "never seen" for name in CATEGORIES if not BY_NAME[name].categories}
    odd = holdout.head(200).assign(**{column.name: None for column in INPUTS if column.nullable} | new)
    odd = odd.astype({column.name: holdout[column.name].dtype for column in INPUTS})
    theirs = load_trained(folder, model.CANDIDATE).predict_proba(features_of(odd))[:, 1]
    portable.check_parity(portable.load(folder)(as_arrays(odd)), theirs)


def test_a_category_that_was_missing_in_training_agrees(folder, holdout, tmp_path):
    """A missing text has a rate of its own where training saw it missing; it is not the unseen category's."""
    rows = holdout.head(2000).reset_index(drop=True)
    name = CATEGORIES[-1]
    rows[name] = rows[name].mask(rows.index % 5 == 0)
    fit = model.build_model(model.CANDIDATE, 0).fit(features_of(rows), rows.index % 5 == 0)
    portable.export(fit, tmp_path)
    theirs = fit.predict_proba(features_of(rows))[:, 1]
    portable.check_parity(portable.load(tmp_path)(as_arrays(rows)), theirs)
    assert set(read_json(tmp_path / portable.TABLES, "")["missing"]) == {name}


def test_the_number_of_rows_does_not_matter(folder, holdout):
    """One row at a time or all together: the same probabilities, but for the order in which trees are added up."""
    score, columns = portable.load(folder), as_arrays(holdout.head(50))
    alone = [score({name: values[row : row + 1] for name, values in columns.items()})[0] for row in range(50)]
    np.testing.assert_allclose(score(columns), alone, rtol=0, atol=1e-15)


def test_the_files_are_data(folder):
    """Trees as ONNX operators of the standard's own domains, tables as JSON: nothing in them can run."""
    import onnx

    nodes = onnx.load(folder / portable.TREES).graph.node
    assert [node.op_type for node in nodes] == ["TreeEnsemble", "Add", "Mul", "Add", "Sigmoid"]
    assert set(read_json(folder / portable.TABLES, "")) == {"order", "unknown", "missing", "tables", "tolerance"}


@pytest.mark.parametrize("difference", [2e-9, float("nan")])
def test_a_difference_is_refused(difference):
    """More than 1e-9, or no number at all, is not the same model."""
    with pytest.raises(portable.ParityError, match="to 1e-09"):
        portable.check_parity(np.array([0.5, 0.5 + difference]), np.array([0.5, 0.5]))


def test_a_moved_threshold_is_noticed(folder, holdout, tmp_path):
    """An export that got one table wrong does not pass."""
    (tmp_path / portable.TREES).write_bytes((folder / portable.TREES).read_bytes())
    content = json.loads((folder / portable.TABLES).read_text())
    table = content["tables"][CATEGORIES[0]]
    table[next(iter(table))] += 0.2
    (tmp_path / portable.TABLES).write_text(json.dumps(content))
    theirs = load_trained(folder, model.CANDIDATE).predict_proba(features_of(holdout))[:, 1]
    with pytest.raises(portable.ParityError):
        portable.check_parity(portable.load(tmp_path)(as_arrays(holdout)), theirs)


def test_a_family_without_an_exporter_is_rejected_by_name(tmp_path):
    """Injected: a fitted model that no exporter knows. The message names it, and nothing is written."""
    with pytest.raises(portable.NoExporterError, match="no exporter for GaussianNB"):
        portable.export(Pipeline([("last", GaussianNB())]), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_category_is_exported(monkeypatch, tmp_path):
    """A contract of numbers only: no table, and the same probabilities."""
    monkeypatch.setattr(model, "CATEGORIES", ())
    monkeypatch.setattr(model, "NUMBERS", ("one", "other"))
    monkeypatch.setattr(model, "MONOTONIC_CONSTRAINTS", {})
    monkeypatch.setattr(portable, "build_features", lambda columns: columns)
    columns = {name: np.random.default_rng(place).normal(size=3000) for place, name in enumerate(model.NUMBERS)}
    fitted = model.candidate(0).fit(pd.DataFrame(columns), columns["one"] * columns["other"] > 0)
    portable.export(fitted, tmp_path)
    theirs = fitted.predict_proba(pd.DataFrame(columns))[:, 1]
    portable.check_parity(portable.load(tmp_path)(columns), theirs)
