"""Properties of a candidate: code without a commit and a training that does not repeat itself are found."""

import json
import shutil

import pytest

from flights import model
from flights.artifacts import read_json
from flights.config import Settings
from pipelines.evaluation.inputs import candidate_folder
from pipelines.evaluation.properties import folder_properties, retraining_difference
from pipelines.rows import labelled_rows


@pytest.mark.parametrize(
    ("commit", "dirty", "said"),
    [
        ("a" * 40, False, ""),
        ("a" * 40, True, "the working tree had uncommitted changes"),
        ("", False, "expected a commit, got ''"),
        ("a" * 40 + "-dirty", False, "expected a commit, got 'aaa"),
    ],
)
def test_code_that_no_commit_holds_is_told_where_it_matters(trained, tmp_path, commit, dirty, said):
    """Planted: changes, no commit as without git, a word that is none; without the setting nobody asks."""
    environment = Settings(data_dir=trained)
    folder = shutil.copytree(candidate_folder(environment), tmp_path / "candidate")
    record = read_json(folder / "training.json", "")
    (folder / "training.json").write_text(json.dumps(record | {"git_commit": commit, "git_dirty": dirty}))
    rows = labelled_rows(environment, "holdout").head(100)
    assert folder_properties(folder, rows, require_clean_tree=True)["uncommitted"].startswith(said)
    assert bool(folder_properties(folder, rows, require_clean_tree=True)["uncommitted"]) is bool(said)
    assert folder_properties(folder, rows, require_clean_tree=False)["uncommitted"] == ""


def test_training_again_with_another_seed_is_told(trained):
    """Trained twice on the same rows it answers the same; planted: each training takes a seed of its own."""
    rows, seeds = labelled_rows(Settings(data_dir=trained), "train").head(2000), iter(range(2))
    assert retraining_difference(rows, 1) == 0
    assert retraining_difference(rows, 1, lambda name, _: model.build_model(name, next(seeds))) > 0
