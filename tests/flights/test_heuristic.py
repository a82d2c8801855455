"""The heuristic is a group-by, and as data it says what the fitted heuristic says."""

import json

import numpy as np
import pandas as pd
import pytest

from flights import feature_set, features, heuristic, model, portable
from flights.artifacts import read_parquet
from flights.columns import DeclarationError
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
        assert some is unknown or len(np.unique(ours)) > 5


def test_its_answers_are_marked(folder):
    """Version 0, its own threshold, and the digest of its file."""
    loaded = heuristic.load(folder)
    assert (loaded.version, loaded.served_by) == (0, "heuristic")
    assert 0 < loaded.threshold < 1
    assert len(loaded.digest) == 64


BANDS = {"age": (0, 30, 60, 90), "fee": (0, 10, 20)}


@pytest.fixture
def declared(monkeypatch):
    """A function that declares two features as the heuristic's, and the columns as the features."""
    monkeypatch.setattr(heuristic, "build_features", lambda columns: columns)
    monkeypatch.setattr(features, "HEURISTIC_BANDS", BANDS)
    return lambda *pair: monkeypatch.setattr(features, "HEURISTIC", pair)


def table(rows=3000, name="c"):
    """Two texts and two numbers, and an outcome that depends on all of them."""
    random = np.random.default_rng(0)
    columns = {
        "town": random.choice(np.array(["a", "b", name], object), rows),
        "sort": random.choice(np.array(["x", "y"], object), rows),
        "age": random.uniform(0, 90, rows),
        "fee": random.uniform(0, 20, rows),
    }
    odds = 0.1 * (columns["town"] == "a") + 0.2 * (columns["sort"] == "x") + columns["age"] // 30 / 10
    return columns, (random.random(rows) < 0.1 + odds + columns["fee"] // 10 / 10).astype(float)


@pytest.mark.parametrize("pair", [("town", "fee"), ("fee", "town"), ("age", "fee"), ("town", "sort")])
def test_any_two_features_are_a_heuristic(pair, declared, tmp_path):
    """Texts, numbers in bands, and both: pandas counts the same, and the file says the same."""
    declared(*pair)
    columns, y_true = table()
    frame = pd.DataFrame(columns)
    fitted = model.heuristic(0).fit(frame, y_true)
    levels = [pd.cut(frame[name], BANDS[name], right=False) if name in BANDS else frame[name] for name in pair]
    counted = frame.assign(y=y_true).groupby(levels, observed=True)["y"].agg(["sum", "size"])
    expected = (counted["sum"] + 10 * y_true.mean()) / (counted["size"] + 10)
    found = fitted.predict_proba(frame)[:, 1]
    assert sorted(np.unique(found)) == pytest.approx(sorted(expected))
    heuristic.export(fitted, 0.5, tmp_path)
    portable.check_parity(heuristic.load(tmp_path).score(columns), found)


def test_values_beyond_the_bands_are_in_the_outer_ones(declared, tmp_path):
    """Below the first limit and above the last; a limit belongs to the band above it."""
    declared("age", "fee")
    columns, y_true = table()
    fitted = model.heuristic(0).fit(pd.DataFrame(columns), y_true)
    heuristic.export(fitted, 0.5, tmp_path)
    asked = {"age": np.array([-5.0, 15, 30, 89, 200]), "fee": np.array([0.0, 9.9, 10, 20, 31])}
    inside = {"age": np.array([1.0, 15, 31, 89, 89]), "fee": np.array([1.0, 1, 11, 11, 11])}
    theirs = fitted.predict_proba(pd.DataFrame(inside))[:, 1]
    portable.check_parity(heuristic.load(tmp_path).score(asked), theirs)


@pytest.mark.parametrize("name", ["", "unknown", "None", "null", '", 1'])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_a_group_may_be_missing_or_have_an_odd_name(tmp_path, declared, name, missing):
    """Injected: a nullable group, and groups with names that could be mistaken for a missing or unknown one."""
    declared("town", "fee")
    columns, y_true = table(name=name)
    columns["town"] = np.where(np.random.default_rng(1).random(len(y_true)) < missing, None, columns["town"])
    y_true[columns["town"] == name] = 1.0
    fitted = model.heuristic(0).fit(pd.DataFrame(columns), y_true)
    heuristic.export(fitted, 0.3, tmp_path)
    score = heuristic.load(tmp_path).score
    portable.check_parity(score(columns), fitted.predict_proba(pd.DataFrame(columns))[:, 1])
    asked = {"town": np.array([name, "z", None], object), "fee": np.array([1.0, 1.0, 1.0])}
    named, unknown, absent = score(asked)
    assert named > 0.9
    assert unknown == pytest.approx(y_true.mean())
    assert (absent == unknown) == (missing == 0)


def test_a_number_without_bands_is_rejected(monkeypatch):
    """Planted: each of its values would be a cell of its own."""
    known = {*features.CATEGORIES, *features.HEURISTIC_BANDS}
    number = next(name for name in features.FEATURES if isinstance(name, str) and name not in known)
    for pair in ((number, features.HEURISTIC[1]), (features.HEURISTIC[0], number), (number, number)):
        monkeypatch.setattr(features, "HEURISTIC", pair)
        with pytest.raises(DeclarationError, match=f"HEURISTIC names {number}.*declare the bands"):
            feature_set.plan.__wrapped__()


def test_a_heuristic_of_an_older_release_is_not_loaded(tmp_path):
    """Injected: rates by group and hour, as they were written before; nothing is answered from them."""
    (tmp_path / heuristic.FILE).write_text(json.dumps({"threshold": 0.3, "unknown": [0.2], "rates": {"AA": [0.4]}}))
    with pytest.raises(KeyError, match="prior"):
        heuristic.load(tmp_path)
