"""REFIT: the candidate is fitted on validation, too; threshold and recalibration stay, and so does the default."""

import numpy as np
import pandas as pd
import pytest

from flights import model
from flights.artifacts import read_json
from flights.config import Settings
from flights.dataset import targets
from pipelines.extras import refit
from pipelines.rows import features_of, training_features
from pipelines.training.candidate import write_candidate
from pipelines.training.fitting import Fit
from pipelines.training.recalibration import recalibrated
from tests.contract_rows import contract_rows

SETTINGS = Settings()
TRIAL = {"kept": True}


@pytest.fixture(scope="module")
def rows():
    found = contract_rows(3000)
    found = found[~np.isnan(targets(found))].reset_index(drop=True)
    return found.iloc[:1800], found.iloc[1800:]


def fits_of(train, validation, family, kept):
    pipeline = model.build_model(family, SETTINGS.seed).fit(training_features(train, SETTINGS.seed), targets(train))
    if kept:
        pipeline = recalibrated(pipeline, features_of(validation), targets(validation))
    return {model.CANDIDATE: Fit(pipeline, 0.37, {"roc_auc": 0.5}, 1.0, TRIAL)}


@pytest.mark.parametrize(("family", "kept"), [(model.HGB, False), (model.HGB, True), ("logistic", True)])
def test_only_the_fitted_rows_change(rows, family, kept, monkeypatch, tmp_path):
    """Threshold, metrics and Platt's terms stay; the model is the one of all rows, and passes the parity check."""
    monkeypatch.setenv("REFIT", "1")
    fits = fits_of(*rows, family, kept)
    before = fits[model.CANDIDATE]
    after = refit.change_fits(SETTINGS, fits, *rows, family)[model.CANDIDATE]
    assert (after.threshold, after.validation, after.recalibration) == (0.37, {"roc_auc": 0.5}, TRIAL)
    both, X_valid = pd.concat(rows, ignore_index=True), features_of(rows[1])
    expected = model.build_model(family, SETTINGS.seed).fit(training_features(both, SETTINGS.seed), targets(both))
    first, inner = (each.pipeline.estimator.estimator if kept else each.pipeline for each in (before, after))
    assert (inner.predict_proba(X_valid) == expected.predict_proba(X_valid)).all()
    assert (inner.predict_proba(X_valid) != first.predict_proba(X_valid)).any()
    if kept:
        one, other = (each.pipeline.calibrated_classifiers_[0].calibrators[0] for each in (before, after))
        assert (one.a_, one.b_) == (other.a_, other.b_)
    write_candidate(tmp_path, {model.CANDIDATE: after}, rows[1], refit.provenance(SETTINGS))
    assert read_json(tmp_path / "training.json", "")["refit"] is True


def test_without_it_nothing_changes(rows):
    """The same fit, and no word in the record."""
    fits = {model.CANDIDATE: Fit(None, 0.37, {}, 1.0)}
    assert refit.change_fits(SETTINGS, fits, *rows, model.HGB) == fits
    assert refit.provenance(SETTINGS) == {}
