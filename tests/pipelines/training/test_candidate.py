"""The candidate folder is complete, and its golden rows cover the odd cases."""

import json

import pytest

from flights import heuristic, model, portable
from flights.artifacts import read_json
from flights.config import Settings
from flights.dataset import INPUTS
from flights.features import CATEGORIES
from flights.files import GOLDEN_FILE
from pipelines.evaluation.inputs import candidate_folder
from pipelines.training import candidate
from tests.declared import BY_NAME


@pytest.fixture
def settings(trained, monkeypatch):
    """Settings of the session's training."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    return Settings()


def test_the_candidate_folder_is_complete(settings):
    """The portable model, golden predictions, the models of record and where it all came from."""
    folder = candidate_folder(settings)
    names = {path.name for path in folder.iterdir()}
    expected = {portable.TREES, portable.TABLES, GOLDEN_FILE, heuristic.FILE, "training.json", "seen.npy"}
    assert names == expected | {f"{name}.skops" for name in model.MODELS}
    training = read_json(folder / "training.json", "")
    assert {"git_commit", "data_digest", "lock_digest", "schema_digest", "threshold"} <= set(training)


def test_golden_rows_cover_the_odd_ones(settings):
    """Some golden predictions are of rows with everything missing that may be, and an unseen category."""
    golden = json.loads((candidate_folder(settings) / GOLDEN_FILE).read_text())["inputs"]
    assert len(golden) == candidate.GOLDEN_ROWS
    nullable = [column.name for column in INPUTS if column.nullable]
    odd = [row for row in golden if all(row[name] is None for name in nullable)]
    assert len(odd) == candidate.GOLDEN_ROWS // 10
    free = [name for name in CATEGORIES if not BY_NAME[name].categories and not BY_NAME[name].nullable]
    assert {row[name] for row in odd for name in free} <= {candidate.UNSEEN_CATEGORY}
