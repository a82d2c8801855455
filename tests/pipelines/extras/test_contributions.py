"""Contributions without training libraries are those of shap, add up to the answer, and are never another model's."""

import json
import shutil
import time
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import skops.io
from threadpoolctl import threadpool_limits

from flights import model, portable
from flights.artifacts import read_json, sha256
from flights.extras.contributions import FILE, Leaves, WrongFile, contributions, explained
from flights.feature_set import build_features
from flights.files import MANIFEST_FILE
from flights.model_files import write_manifest
from flights.rows import as_columns
from pipelines.extras.contributions import write_report
from pipelines.training.recalibration import recalibrated
from tests.serving.published import UNSEEN, naive, random_flights

pytestmark = pytest.mark.exhibit


def published(models, version, seed, *, recalibrate=False):
    """Fit the default candidate with small leaves and write its folder, as evaluate does."""
    columns = as_columns([naive(flight) for flight in random_flights(1500, seed)])
    frame, random = pd.DataFrame(build_features(columns)), np.random.default_rng(seed)
    target = (random.random(1500) < np.where(frame["distance"] > frame["distance"].median(), 0.7, 0.2)).astype(int)
    with threadpool_limits(1):
        fitted = model.candidate(seed).set_params(trees__min_samples_leaf=5, trees__max_iter=40).fit(frame, target)
        if recalibrate:
            fitted = recalibrated(fitted, frame, np.where(random.random(1500) < 0.3, 1 - target, target))
    folder = models / str(version)
    folder.mkdir(parents=True)
    portable.export(fitted, folder)
    skops.io.dump(fitted, folder / "candidate.skops")
    write_report(folder, None)
    write_manifest(folder, version, {"threshold": 0.3})
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two versions, the second one recalibrated."""
    made = tmp_path_factory.mktemp("models")
    published(made, 1, seed=1)
    published(made, 2, seed=2, recalibrate=True)
    return made


def rows():
    """Many rows: complete, with values missing, with every nullable value missing, and with unseen categories."""
    from flights.dataset import INPUTS

    drawn = [naive(flight) for flight in random_flights(60, seed=3)]
    empty = {column.name: None for column in INPUTS if column.nullable}
    return [*drawn, *({**flight, **UNSEEN} for flight in drawn[:20]), *({**flight, **empty} for flight in drawn[:20])]


def answer(folder, row):
    """What `explained` is asked with for one row."""
    served = float(portable.load(folder)(as_columns([row]))[0])
    return folder.parent, int(folder.name), sha256(folder / MANIFEST_FILE), json.dumps(row), served


@pytest.mark.heavy
@pytest.mark.parametrize("version", [1, 2])
def test_contributions_are_those_of_shap_and_add_up(models, version):
    """To 1e-9 for each of 100 rows and each feature, and their sum is the answer's log-odds; each in under 200 ms."""
    import shap

    folder = models / str(version)
    pipeline = skops.io.load(folder / "candidate.skops", trusted=model.trusted_types())
    pipeline, slope, shift = portable.recalibration(pipeline)
    assert (slope, shift) == (1.0, 0.0) if version == 1 else slope < 0.9
    explainer = shap.TreeExplainer(pipeline.named_steps["trees"])
    seconds = []
    for row in rows():
        asked = answer(folder, row)
        start = time.process_time()
        found = explained(*asked)
        seconds.append(time.process_time() - start)
        matrix = pipeline.named_steps["encode"].transform(pd.DataFrame(build_features(as_columns([row]))))
        theirs = slope * explainer.shap_values(np.asarray(matrix, np.float64), check_additivity=False)[0]
        ours = found["contributions"]
        assert list(ours.values()) == pytest.approx(theirs.tolist(), abs=1e-9)
        assert found["base"] == pytest.approx(slope * float(np.ravel(explainer.expected_value)[0]) + shift, abs=1e-9)
        served = asked[-1]
        assert found["base"] + sum(ours.values()) == pytest.approx(np.log(served / (1 - served)), abs=1e-9)
    assert np.median(seconds) < 0.2


def test_contributions_are_those_of_make_explain(trained):
    """For the trained champion: the same names and numbers to 1e-9, for its golden predictions."""
    explain = pytest.importorskip("extras.operations.explain", exc_type=ImportError)
    from flights import registry

    champion = registry.load(trained / "3_models", 1)
    assert FILE in champion.manifest["files"]
    golden = read_json(champion.folder / "golden.json", "")
    for row in (golden["inputs"][place] for place in (0, 40, 95)):
        features = pd.DataFrame(build_features(as_columns([row])))
        served = float(champion.score(as_columns([row]))[0])
        _, base, theirs = explain.shares(champion, features, served)
        found = explained(champion.folder.parent, 1, champion.digest, json.dumps(row), served)
        assert found["base"] == pytest.approx(base, abs=1e-9)
        assert found["contributions"] == pytest.approx(theirs, abs=1e-9)


def test_a_shapley_value_is_the_mean_gain_over_all_orders():
    """By definition: one leaf of four features, two of them on the path of the row."""
    inside, share = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.5, 0.2, 0.9, 0.1])
    leaves = Leaves(
        np.arange(4)[None], np.where(inside, -1.0, 1.0)[None], np.full((1, 4), 9.0), np.zeros((1, 4), bool),
        share[None], np.array([2.0]), np.array(0.5),
    )  # fmt: skip
    gains = np.zeros(4)
    orders = list(permutations(range(4)))
    for order in orders:
        terms = share.copy()
        for each in order:
            before, terms[each] = 2 * terms.prod(), inside[each]
            gains[each] += (2 * terms.prod() - before) / len(orders)
    base, found = contributions(leaves, np.zeros(4))
    assert base == pytest.approx(0.5 + 2 * share.prod(), abs=1e-12)
    assert found == pytest.approx(gains, abs=1e-12)


def plant_before(models, copied):
    """The file of another model, published with this one: all digests fit."""
    shutil.copy(models / "2" / FILE, copied / FILE)
    write_manifest_again(copied)


def write_manifest_again(folder):
    """A manifest that fits the folder."""
    (folder / MANIFEST_FILE).unlink()
    write_manifest(folder, 1, {"threshold": 0.3})


PLANTED = {
    "published with another model's": (plant_before, "they add up to"),
    "replaced later": (lambda models, copied: shutil.copy(models / "2" / FILE, copied / FILE), "1/contributions.npz"),
    "damaged": (lambda _models, copied: (copied / FILE).write_bytes(b"damaged"), "1/contributions.npz is not the file"),
    "other encodings": (
        lambda models, copied: shutil.copy(models / "2" / portable.TABLES, copied / portable.TABLES),
        "1/encodings.json is not the file",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_another_file_is_named_and_not_explained(models, tmp_path, planted):
    """Planted: another model's file before and after publishing, a damaged one, another model's encodings."""
    plant, words = PLANTED[planted]
    copied = tmp_path / "1"
    shutil.copytree(models / "1", copied)
    asked = answer(models / "1", rows()[0])
    plant(models, copied)
    with pytest.raises(WrongFile, match=words):
        explained(tmp_path, 1, sha256(copied / MANIFEST_FILE), *asked[3:])


def test_the_answer_must_be_of_this_model(models):
    """Planted: the log names another manifest, or another probability."""
    folder, version, digest, inputs, served = answer(models / "1", rows()[0])
    with pytest.raises(WrongFile, match=r"1/manifest.json is not of the model that answered"):
        explained(folder, version, "0" * 64, inputs, served)
    with pytest.raises(WrongFile, match="they add up to"):
        explained(folder, version, digest, inputs, served + 1e-6)


@pytest.mark.parametrize("name", ["prior", "tree", "logistic"])
def test_a_model_of_another_family_has_no_file(models, tmp_path, name):
    """And nothing to show, as an older version, or the heuristic."""
    columns = as_columns([naive(flight) for flight in random_flights(1500, 1)])
    frame = pd.DataFrame(build_features(columns))
    fitted = model.build_model(name, 1).fit(frame, (frame["distance"] > frame["distance"].median()).astype(int))
    (tmp_path / "1").mkdir()
    skops.io.dump(fitted, tmp_path / "1" / "candidate.skops")
    write_report(tmp_path / "1", None)
    assert not (tmp_path / "1" / FILE).exists()
    assert explained(tmp_path, 1, "", "{}", 0.5) is None
    assert explained(tmp_path, 0, "", "{}", 0.5) is None


def test_columns_in_another_order_have_no_file(models, tmp_path):
    """Planted: encodings whose order is not that of the trees' columns."""
    copied = tmp_path / "1"
    shutil.copytree(models / "1", copied)
    (copied / FILE).unlink()
    tables = read_json(copied / portable.TABLES, "")
    (copied / portable.TABLES).write_text(json.dumps(tables | {"order": tables["order"][::-1]}))
    write_report(copied, None)
    assert not (copied / FILE).exists()
