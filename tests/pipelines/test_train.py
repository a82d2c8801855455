"""Training is repeatable to the bit, leaves everything that evaluation needs, and never looks at the holdout."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from flights import heuristic, model, portable, registry
from flights.artifacts import read_json, read_parquet
from flights.config import AS_OF, Settings
from flights.dataset import INPUTS, as_arrays, targets
from flights.evaluation import decision_cost
from pipelines import evaluate, train
from pipelines.evaluate import candidate_folder
from pipelines.split import labelled

FIT = """
import hashlib, sys
from flights.config import Settings
from flights import model
from pipelines import split, train
settings = Settings()
rows = split.labelled(settings, "train").head(6000)
from flights.dataset import targets
fitted = model.build_model(model.CANDIDATE, settings.seed).fit(train.lessons(rows, settings.seed), targets(rows))
print(hashlib.sha256(fitted.predict_proba(train.features_of(rows))[:, 1].tobytes()).hexdigest())
"""


@pytest.fixture
def settings(trained, monkeypatch):
    """Settings of the session's training."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    return Settings()


@pytest.mark.ml_test_score("I1")
def test_two_trainings_agree_to_the_bit(trained, tmp_path):
    """Whatever the hash seed, the number of threads, the folder and the time zone, the probabilities are the same."""

    def digest(**environment):
        env = os.environ | {"DATA_DIR": str(trained)} | environment
        return subprocess.run([sys.executable, "-c", FIT], env=env, capture_output=True, text=True, check=True).stdout

    one = digest(PYTHONHASHSEED="1", OMP_NUM_THREADS="1", TZ="UTC")
    two = digest(PYTHONHASHSEED="2", OMP_NUM_THREADS="2", TZ="Asia/Kathmandu")
    assert one == two
    assert digest(SEED="7") != one


def test_the_candidate_folder_is_complete(settings):
    """The portable model, golden predictions, the models of record and where it all came from."""
    folder = candidate_folder(settings)
    names = {path.name for path in folder.iterdir()}
    expected = {portable.TREES, portable.TABLES, registry.GOLDEN, heuristic.FILE, "training.json", "seen.npy"}
    assert names == expected | {f"{name}.skops" for name in model.MODELS}
    training = read_json(folder / "training.json", "")
    assert {"git_commit", "data_digest", "lock_digest", "schema_digest", "mlflow_run", "threshold"} <= set(training)


@pytest.mark.exhibit
def test_golden_rows_cover_the_odd_ones(settings):
    """Some golden predictions are of rows with everything missing that may be, and an unseen category."""
    golden = json.loads((candidate_folder(settings) / registry.GOLDEN).read_text())["inputs"]
    assert len(golden) == train.GOLDEN_ROWS
    nullable = [column.name for column in INPUTS if column.nullable]
    odd = [row for row in golden if all(row[name] is None for name in nullable)]
    assert len(odd) == train.GOLDEN_ROWS // 10
    assert {row["dest"] for row in odd} == {train.UNSEEN}


def test_training_never_opens_the_holdout(a_copy, monkeypatch):
    """With the holdout gone, training does not notice."""
    (a_copy / "2_splits" / AS_OF / "holdout.parquet").unlink()
    monkeypatch.setattr(model, "MODELS", (model.CANDIDATE,))
    train.main()


def test_the_threshold_follows_from_the_costs(settings):
    """No threshold of a fine grid costs noticeably less on the rows that it was tuned on, and those are validation."""
    rows = labelled(settings, "validation")
    training = read_json(candidate_folder(settings) / "training.json", "")
    found = portable.load(candidate_folder(settings))(as_arrays(rows))

    def cost(threshold):
        return decision_cost(targets(rows), found >= threshold)

    best = min(cost(threshold) for threshold in np.linspace(0, 1, 1001))
    assert cost(training["threshold"]) < 1.005 * best
    assert cost(0.5) > 1.1 * best


def test_a_threshold_tuned_on_the_holdout_would_be_another(settings):
    """Planted: the holdout in place of validation. The published threshold is validation's, to the bit."""
    training = read_json(candidate_folder(settings) / "training.json", "")
    fitted = evaluate.fitted(candidate_folder(settings), model.CANDIDATE)
    tuned = {
        part: train.tuned_threshold(fitted, train.features_of(rows), targets(rows))
        for part, rows in ((part, labelled(settings, part)) for part in ("validation", "holdout"))
    }
    assert tuned["validation"] == training["threshold"] != tuned["holdout"]


@pytest.mark.exhibit
def test_rows_without_an_outcome_are_not_learned(settings):
    """Cancelled and diverted flights have no target and are left out."""
    everything = read_parquet(settings.splits_dir / "train.parquet", "")
    learned = labelled(settings, "train")
    assert len(everything) - len(learned) == everything["arrival_delay"].isna().sum() > 0


def test_an_image_without_git_says_its_commit(settings, monkeypatch):
    """Where git is not there, GIT_COMMIT is on record; in a repository git's own word is."""
    told = settings.model_copy(update={"git_commit": "f" * 40})
    here = train.provenance(told)["git_commit"]
    assert here == train.git("rev-parse", "HEAD") != "f" * 40
    monkeypatch.setenv("PATH", "")
    assert train.provenance(told)["git_commit"] == "f" * 40
    assert train.provenance(settings)["git_commit"] == ""


def test_training_before_splitting_names_the_command(tmp_path, monkeypatch):
    """A step without its input says what to run."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="run `make split`"):
        train.main()


@pytest.mark.parametrize(
    ("baked", "commit", "dirty"),
    [("abc123", "abc123", False), ("abc123-dirty", "abc123", True), ("", "", True), (None, "", True)],
)
def test_a_container_says_which_code_it_has(baked, commit, dirty, trained, monkeypatch):
    """Without git the image's GIT_COMMIT answers; where nobody says, the code does not count as committed."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("GIT_COMMIT", raising=False)
    if baked is not None:
        monkeypatch.setenv("GIT_COMMIT", baked)
    origin = train.provenance(Settings(data_dir=trained))
    assert (origin["git_commit"], origin["git_dirty"]) == (commit, dirty)
