"""The heuristic as data says what the fitted heuristic says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flights import heuristic, model, portable
from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.registry import champion, model_folder
from pipelines.evaluation.inputs import load_trained
from pipelines.rows import features_of


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
        portable.check_parity(ours, load_trained(folder, "heuristic").predict_proba(features_of(some))[:, 1])
    assert len(np.unique(ours)) > 5


def test_its_answers_are_marked(folder):
    """Version 0, its own threshold, and the digest of its file."""
    model = heuristic.load(folder)
    assert (model.version, model.served_by) == (0, "heuristic")
    assert 0 < model.threshold < 1
    assert len(model.digest) == 64


@pytest.mark.parametrize("name", ["", "unknown", "None"])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_a_group_may_be_missing_or_have_an_odd_name(tmp_path: Path, monkeypatch, name: str, missing: float):
    """Injected: a nullable group, and groups with names that could be mistaken for a missing or unknown one."""
    random = np.random.default_rng(0)
    groups = np.where(random.random(2000) < missing, None, random.choice(np.array(["a", "b", name], object), 2000))
    hours = random.integers(0, 24, 2000)
    columns = {heuristic.GROUP: groups, heuristic.MINUTE: 60.0 * hours}
    y_true = (random.random(2000) < 0.2 + 0.3 * (groups == name) + 0.01 * hours).astype(float)
    fitted = model.heuristic(0).fit(pd.DataFrame(columns), y_true)
    heuristic.export(fitted, 0.3, tmp_path)
    monkeypatch.setattr(heuristic, "build_features", lambda given: given)
    unknown = {heuristic.GROUP: np.array(["z", None], object), heuristic.MINUTE: np.array([60.0, 60.0])}
    for asked in (columns, unknown):
        wanted = fitted.predict_proba(pd.DataFrame(asked))[:, 1]
        portable.check_parity(heuristic.load(tmp_path).score(asked), wanted)
