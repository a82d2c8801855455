"""A champion is traced to a clean commit, and the same seed to the same model."""

import subprocess

import numpy as np
import pytest

from extras.drills.drill_helpers import features_of, fitted, part
from extras.drills.provenance import NotTraceable, traced
from flights.config import Settings
from flights.dataset import targets
from flights.registry import champion, load

pytestmark = pytest.mark.exhibit

IDENTITY = ["-c", "user.name=a test", "-c", "user.email=test@example.org"]


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit, and what a manifest says of it."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    words = ["git", *IDENTITY, "commit", "-q", "--allow-empty", "-m", "Deepen the trees"]
    subprocess.run(words, cwd=tmp_path, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True)
    return tmp_path, {"git_commit": commit.stdout.strip(), "git_dirty": False}


@pytest.mark.ml_test_score("M1")
def test_a_clean_commit_of_ours_is_accepted(repository):
    """The commit is named with its first line."""
    root, manifest = repository
    assert traced(manifest, root).endswith("Deepen the trees")


@pytest.mark.ml_test_score("M1", injects="no commit, uncommitted changes, a commit of somewhere else")
@pytest.mark.parametrize("wrong", [{"git_commit": ""}, {"git_dirty": True}, {"git_commit": "0" * 40}])
def test_what_cannot_be_traced_is_refused(repository, wrong):
    """Planted: no commit, uncommitted changes, a commit of somewhere else."""
    root, manifest = repository
    with pytest.raises(NotTraceable):
        traced(manifest | wrong, root)


def test_every_published_model_says_where_it_comes_from(trained):
    """The manifest of a real training holds what `traced` asks for."""
    models_dir = Settings(data_dir=trained).models_dir
    manifest = load(models_dir, champion(models_dir)).manifest
    assert {"git_commit", "git_dirty", "lock_digest", "data_digest"} <= set(manifest)


@pytest.mark.ml_test_score("I1", injects="a second training with another seed")
@pytest.mark.heavy
def test_another_seed_is_another_model(trained):
    """Planted: a second training with another seed. Reproducibility would notice, or it would show nothing."""
    settings = Settings(data_dir=trained)
    rows = part(settings, "train", 2000)
    features, truth = features_of(rows), targets(rows)
    one, same, other = (fitted(features, truth, seed).predict_proba(features)[:, 1] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
