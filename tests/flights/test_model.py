"""The models learn, forget nothing between two fits, and take unseen, missing and silent for what they are."""

import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.metrics import roc_auc_score

from flights.artifacts import read_parquet
from flights.contract import as_arrays
from flights.dataset import INPUTS, targets
from flights.feature_set import build_features
from flights.features import CATEGORIES, HEURISTIC
from flights.model import (
    CANDIDATE,
    MODELS,
    OUTAGE_SHARE,
    TRUSTED_TYPES,
    build_model,
    feeds,
    with_feed_outages,
    with_missing_feed,
)
from pipelines.training import recalibration
from tests.declared import BY_NAME


@pytest.fixture(scope="module")
def parts(split_data):
    """Labelled rows to learn from and to judge by."""
    folder = next((split_data / "2_splits").glob("*/train.parquet")).parent
    rows = {name: read_parquet(folder / f"{name}.parquet", "") for name in ("train", "holdout", "live")}
    return {name: part[~np.isnan(targets(part))] for name, part in rows.items()}


def seen(rows, silent=None):
    """The models' view of rows, with one feed silent."""
    columns = as_arrays(rows)
    return pd.DataFrame(build_features(with_missing_feed(columns, silent) if silent else columns))


@pytest.fixture(scope="module")
def fitted(parts):
    """Every model, fitted."""
    lessons = pd.DataFrame(build_features(with_feed_outages(as_arrays(parts["train"]), 1)))
    return {name: build_model(name, 1).fit(lessons, targets(parts["train"])) for name in MODELS}


def area(model, rows, silent=None):
    """ROC-AUC on some rows."""
    return roc_auc_score(targets(rows), model.predict_proba(seen(rows, silent))[:, 1])


@pytest.mark.exhibit
@pytest.mark.ml_test_score("M5")
def test_each_model_beats_the_simpler_one(fitted, parts):
    """Nothing, the historic rate, a weight for each feature, trees."""
    areas = {name: area(model, parts["holdout"]) for name, model in fitted.items()}
    assert areas["prior"] == 0.5
    assert areas["heuristic"] > 0.6
    assert areas["tree"] > areas["heuristic"] + 0.02
    assert areas["logistic"] > areas["heuristic"] + 0.03
    assert areas[CANDIDATE] > areas["heuristic"] + 0.08


@pytest.mark.ml_test_score("I2")
def test_the_heuristic_is_the_historic_rate(fitted, parts):
    """For a group and an hour with many rows it gives their share of positive ones."""
    rows, (group, minute) = parts["train"], HEURISTIC
    hour = (seen(rows)[minute] // 60).to_numpy()
    common = rows[group].mode()[0]
    chosen = (rows[group] == common).to_numpy() & (hour == 17)
    found = fitted["heuristic"].predict_proba(seen(rows[chosen]))[:, 1]
    assert np.ptp(found) < 1e-12
    assert found[0] == pytest.approx(targets(rows)[chosen].mean(), abs=0.02)


def test_unseen_and_missing_categories_are_the_same(fitted, parts):
    """Both get the mean rate, as a table look-up that finds nothing."""
    rows = seen(parts["holdout"][:500])
    name = next(name for name in CATEGORIES if not BY_NAME[name].nullable)
    unseen = fitted[CANDIDATE].predict_proba(rows.assign(**{name: "?"}))
    missing = fitted[CANDIDATE].predict_proba(rows.assign(**{name: None}))
    np.testing.assert_array_equal(unseen, missing)


def test_the_logistic_baseline_is_as_small_with_thousands_of_categories(parts):
    """A matrix of 5, 500 and 5,000 values has the same numbers in each row: memory grows with rows alone."""
    rows, y_true = seen(parts["train"]), targets(parts["train"])
    sizes = []
    for values in (5, 500, 5000):
        texts = pd.Series([str(place % values) for place in range(len(rows))], dtype=object)
        fitted = build_model("logistic", 1).fit(rows.assign(**{CATEGORIES[-1]: texts.to_numpy()}), y_true)
        encoded = fitted["encode"].transform(rows.assign(**{CATEGORIES[-1]: texts.to_numpy()}))
        assert encoded.shape[1] >= min(values, len(rows))
        sizes.append(encoded.nnz)
    assert sizes == [sizes[0]] * 3


@pytest.mark.ml_test_score("I2")
def test_trees_split_on_numbers_only(fitted):
    """What the portable form relies on."""
    trees = fitted[CANDIDATE]["trees"]
    assert not any(predictor.nodes["is_categorical"].any() for (predictor,) in trees._predictors)


@pytest.mark.exhibit
def test_a_silent_feed_keeps_the_probabilities_honest(fitted, parts):
    """On the live months, each feed lost: the mean risk stays near the truth, and the rest still ranks."""
    rows = parts["live"]
    for feed in feeds():
        found = fitted[CANDIDATE].predict_proba(seen(rows, feed))[:, 1]
        assert abs(found.mean() - targets(rows).mean()) < 0.06, feed
        assert area(fitted[CANDIDATE], rows, feed) > area(fitted["heuristic"], rows) + 0.02


def test_outages_hit_their_share_of_rows_and_whole_feeds(parts):
    """Where one column of a feed goes missing all of it does; the timetable never does."""
    before = as_arrays(parts["train"])
    after = with_feed_outages(before, 1)
    for feed in feeds():
        fed = [column.name for column in INPUTS if column.feed == feed]
        hit = np.all([pd.isna(after[name]) for name in fed], axis=0) & ~np.all(
            [pd.isna(before[name]) for name in fed], axis=0
        )
        assert hit.mean() == pytest.approx(OUTAGE_SHARE, rel=0.2)
    for column in INPUTS:
        if not column.feed:
            np.testing.assert_array_equal(after[column.name], before[column.name])


DIGEST = """
import hashlib, sys
import pandas as pd
from flights.features import CATEGORIES, HEURISTIC
from flights.model import build_model
rows, truth = pd.read_pickle(sys.argv[1])
print(hashlib.sha256(build_model("candidate", 7).fit(rows, truth).predict_proba(rows).tobytes()).hexdigest())
"""


@pytest.mark.ml_test_score("I1")
def test_a_fit_is_the_same_to_the_bit(parts, tmp_path):
    """Whatever the number of threads, the hash seed and the time zone of the process."""
    rows = parts["train"][:6000]
    pd.to_pickle((seen(rows), targets(rows)), tmp_path / "rows.pkl")
    worlds = (
        {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "TZ": "UTC"},
        {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu"},
    )
    path = {"PYTHONPATH": ":".join(sys.path)}
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST, tmp_path / "rows.pkl"], env=world | path, capture_output=True, check=True
        ).stdout
        for world in worlds
    }
    assert len(digests) == 1


def test_the_trusted_types_suffice_and_none_is_idle(fitted, parts):
    """Each model loads with the list, and each entry of the list is needed by one of them."""
    rows = parts["holdout"][:500]
    recalibrated = recalibration.recalibrated(fitted[CANDIDATE], seen(rows), targets(rows))
    dumps = [skops.io.dumps(model) for model in (*fitted.values(), recalibrated)]
    needed = {kind for dump in dumps for kind in skops.io.get_untrusted_types(data=dump)}
    assert needed <= set(TRUSTED_TYPES)
    idle = set(TRUSTED_TYPES) - needed
    assert all(kind.startswith("scipy.") for kind in idle)  # its private names differ from version to version
    for dump in dumps:
        skops.io.loads(dump, trusted=TRUSTED_TYPES)


def test_an_unknown_model_is_refused():
    """There is no default."""
    with pytest.raises(KeyError):
        build_model("oracle", 1)


LOCKED = {
    "prior": "04e77570c9d808a3",
    "heuristic": "2d44f011b099e1dd",
    "tree": "2d1e6e0c8c218099",
    "logistic": "5d3933c45e0803f2",
}


@pytest.mark.exhibit
@pytest.mark.parametrize(("name", "digest"), LOCKED.items())
def test_the_baselines_are_locked(name, digest):
    """What must be beaten is not made weaker in passing: anyone who changes a baseline changes its digest here too."""
    assert specification(build_model(name, 1)) == digest


def test_a_weaker_baseline_has_another_digest():
    """Planted: a heuristic that says little of small cells, a logistic regression that is held back, a smaller tree."""
    assert specification(build_model("heuristic", 1).set_params(added_rows=1000.0)) != LOCKED["heuristic"]
    assert specification(build_model("logistic", 1).set_params(weights__C=0.01)) != LOCKED["logistic"]
    assert specification(build_model("tree", 1).set_params(questions__max_depth=2)) != LOCKED["tree"]


def specification(pipeline):
    """A digest of every parameter that somebody set."""
    return hashlib.sha256(pipeline.__repr__(N_CHAR_MAX=100_000).encode()).hexdigest()[:16]
