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
    loaded = heuristic.load(folder)
    assert (loaded.version, loaded.served_by) == (0, "heuristic")
    assert 0 < loaded.threshold < 1
    assert len(loaded.digest) == 64


def test_two_numbers_by_band_are_a_heuristic_too(monkeypatch, tmp_path):
    """Without a text: the rate of each pair of bands, with a value beyond each end."""
    bands = {"age": (0, 30, 60, 90), "fee": (0, 10, 20)}
    for module in (heuristic, model):
        monkeypatch.setattr(module, "HEURISTIC", ("age", "fee"))
        monkeypatch.setattr(module, "HEURISTIC_BANDS", bands)
    monkeypatch.setattr(heuristic, "GROUP", "age")
    monkeypatch.setattr(heuristic, "BANDED", "fee")
    monkeypatch.setattr(heuristic, "build_features", lambda columns: columns)
    random = np.random.default_rng(0)
    columns = {"age": random.uniform(0, 90, 3000), "fee": random.uniform(0, 20, 3000)}
    positive = random.random(3000) < 0.1 + 0.2 * (columns["age"] // 30) + 0.1 * (columns["fee"] // 10)
    fitted = model.heuristic(0).fit(pd.DataFrame(columns), positive)
    heuristic.export(fitted, 0.5, tmp_path)
    asked = {"age": np.array([-5.0, 15, 30, 89, 200]), "fee": np.array([0.0, 9.9, 10, 20, 31])}
    inside = {name: np.clip(values, 0, bands[name][-1] - 1e-9) for name, values in asked.items()}
    theirs = fitted.predict_proba(pd.DataFrame(inside))[:, 1]
    portable.check_parity(heuristic.load(tmp_path).score(asked), theirs)


@pytest.mark.parametrize("name", ["", "unknown", "None"])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_a_group_may_be_missing_or_have_an_odd_name(tmp_path: Path, monkeypatch, name: str, missing: float):
    """Injected: a nullable group, and groups with names that could be mistaken for a missing or unknown one."""
    random = np.random.default_rng(0)
    groups = np.where(random.random(2000) < missing, None, random.choice(np.array(["a", "b", name], object), 2000))
    hours = random.integers(0, 24, 2000)
    columns = {heuristic.GROUP: groups, heuristic.BANDED: 60.0 * hours}
    y_true = (random.random(2000) < 0.2 + 0.3 * (groups == name) + 0.01 * hours).astype(float)
    fitted = model.heuristic(0).fit(pd.DataFrame(columns), y_true)
    heuristic.export(fitted, 0.3, tmp_path)
    monkeypatch.setattr(heuristic, "build_features", lambda given: given)
    unknown = {heuristic.GROUP: np.array(["z", None], object), heuristic.BANDED: np.array([60.0, 60.0])}
    for asked in (columns, unknown):
        wanted = fitted.predict_proba(pd.DataFrame(asked))[:, 1]
        portable.check_parity(heuristic.load(tmp_path).score(asked), wanted)
