"""Training is repeatable to the bit, leaves everything that evaluation needs, and never looks at the holdout."""

import os
import subprocess
import sys

import numpy as np
import pytest

from flights import model
from flights.artifacts import read_parquet
from flights.config import AS_OF, Settings
from flights.dataset import targets
from pipelines import train
from pipelines.rows import labelled_rows

FIT = """
import hashlib, sys
from flights.config import Settings
from flights import model
from pipelines.rows import features_of, labelled_rows, training_features
settings = Settings()
rows = labelled_rows(settings, "train").head(6000)
from flights.dataset import targets
fitted = model.build_model(model.CANDIDATE, settings.seed).fit(training_features(rows, settings.seed), targets(rows))
print(hashlib.sha256(fitted.predict_proba(features_of(rows))[:, 1].tobytes()).hexdigest())
"""


@pytest.fixture
def settings(trained, monkeypatch):
    """Settings of the session's training."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    return Settings()


@pytest.mark.heavy
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


def test_training_never_opens_the_holdout(a_copy, monkeypatch):
    """With the holdout gone, training does not notice."""
    (a_copy / "2_splits" / AS_OF / "holdout.parquet").unlink()
    monkeypatch.setattr(model, "MODELS", (model.CANDIDATE,))
    train.main()


def test_rows_without_an_outcome_are_not_learned(settings):
    """They have no target and are left out."""
    everything = read_parquet(settings.splits_dir / "train.parquet", "")
    learned = labelled_rows(settings, "train")
    assert len(everything) - len(learned) == np.isnan(targets(everything)).sum() > 0


def test_training_before_splitting_names_the_command(tmp_path, monkeypatch):
    """A step without its input says what to run."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="run `make split`"):
        train.main()
