"""Code without a commit is found if it matters."""

from types import SimpleNamespace

import pytest

from flights.artifacts import read_json
from flights.config import Settings
from pipelines.checks import origin
from pipelines.evaluation.inputs import candidate_folder


@pytest.mark.parametrize(
    ("commit", "dirty", "said"),
    [
        ("a" * 40, False, ""),
        ("a" * 40, True, "the working tree had uncommitted changes"),
        ("", False, "expected a commit, got ''"),
        ("a" * 40 + "-dirty", False, "expected a commit, got 'aaa"),
    ],
)
def test_code_that_no_commit_holds_is_told_where_it_matters(trained, commit, dirty, said):
    """Planted: changes, no commit as without git, a word that is none; without the setting nobody asks."""
    settings = Settings(data_dir=trained)
    record = read_json(candidate_folder(settings) / "training.json", "") | {"git_commit": commit, "git_dirty": dirty}

    def uncommitted(asked):
        inputs = SimpleNamespace(settings=settings.model_copy(update={"require_clean_tree": asked}), training=record)
        return origin.properties(inputs)["uncommitted"]

    assert uncommitted(asked=True).startswith(said)
    assert bool(uncommitted(asked=True)) is bool(said)
    assert uncommitted(asked=False) == ""


def test_a_training_without_a_record_of_its_code_is_told():
    """Injected: the plug-in that records the commit was deleted."""
    assert "restore pipelines/extras/provenance.py" in origin.uncommitted_reason({})
