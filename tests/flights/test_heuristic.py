"""The heuristic as data says what the fitted heuristic says."""

import numpy as np
import pytest

from flights import heuristic, portable
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.registry import champion, model_folder
from pipelines.evaluate import fitted
from pipelines.train import features_of


@pytest.fixture
def folder(trained):
    models_dir = Settings(data_dir=trained).models_dir
    return model_folder(models_dir, champion(models_dir))


@pytest.fixture
def rows(trained):
    return read_parquet(Settings(data_dir=trained).splits_dir / "holdout.parquet", "")[:2000]


def test_it_answers_what_the_model_of_record_answers(folder, rows):
    """To 1e-9, for every hour, and for a carrier that nobody knows."""
    unknown = rows.assign(carrier="??")
    for some in (rows, unknown):
        ours = heuristic.load(folder).score(as_arrays(some))
        portable.check_parity(ours, fitted(folder, "heuristic").predict_proba(features_of(some))[:, 1])
    assert len(np.unique(ours)) > 5


def test_its_answers_are_marked(folder):
    """Version 0, its own threshold, and the digest of its file."""
    model = heuristic.load(folder)
    assert (model.version, model.served_by) == (0, "heuristic")
    assert 0 < model.threshold < 1
    assert len(model.digest) == 64
