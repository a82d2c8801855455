"""Every look at the holdout is on record, and rows that training saw are found under any name."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flights.artifacts import read_json
from flights.config import Settings
from flights.dataset import KEY
from pipelines import holdout
from pipelines.evaluate import candidate_folder
from pipelines.split import labelled

ROOT = Path(__file__).parents[2]


def test_the_first_look_is_the_evaluation_of_the_first_candidate(trained, monkeypatch):
    """The ledger names the step, the candidate with its digest, and the holdout's; the report counts it."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    look = holdout.ledger(Settings())[0]
    assert (look.look, look.by, look.candidate) == (1, "evaluate", candidate_folder(Settings()).name)
    assert len(look.candidate_digest) == len(look.holdout_digest) == 64
    report = read_json(Settings().candidate_dir / "evaluation.json", "")
    assert report["ledger"]["looks"] >= 1


def test_a_look_is_appended_before_anything_is_seen(a_copy):
    """Planted: a holdout that cannot be read. The look is on record all the same, and no line before it has changed."""
    settings = Settings()
    path = settings.splits_dir / holdout.LEDGER
    before = path.read_text()
    (settings.splits_dir / "holdout.parquet").write_bytes(b"broken")
    with pytest.raises(ValueError, match="Parquet"):
        holdout.opened(settings, "test", "a")
    assert path.read_text().startswith(before)
    assert [look.look for look in holdout.ledger(settings)] == list(range(1, len(before.splitlines()) + 2))
    assert json.loads(path.read_text().splitlines()[-1])["by"] == "test"


def test_candidates_are_counted_once(a_copy):
    """Three looks for two candidates."""
    settings = Settings()
    (settings.splits_dir / holdout.LEDGER).unlink()
    for candidate in ("a", "a", "b"):
        holdout.noted(settings, "test", candidate, "")
    assert holdout.looks(settings) == {"looks": 3, "candidates": 2}


def test_a_copied_row_is_found_under_another_name(trained, monkeypatch):
    """Planted: three rows of the holdout in the training data, with new flight ids. Their content gives them away."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    rows = labelled(Settings(), "holdout")
    renamed = rows.head(3).assign(**{KEY: [f"{key}9" for key in rows[KEY].head(3)]})
    assert np.array_equal(holdout.row_digests(renamed), holdout.row_digests(rows)[:3])
    assert len(np.unique(holdout.row_digests(rows))) == len(rows)


def test_a_random_split_and_seen_rows_are_told(trained, tmp_path, monkeypatch):
    """Clean is: nothing seen, and the first row after the last one seen."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    parts = [labelled(Settings(), name) for name in ("train", "holdout")]
    clean = holdout.cleanliness(tmp_path, holdout.write_seen(tmp_path, parts[0]), parts[1])
    assert clean["rows_seen_in_training"] == 0
    assert clean["days_after_training"] > 2
    mixed = np.random.default_rng(0).random(len(parts[1])) < 0.5
    split = holdout.cleanliness(tmp_path, holdout.write_seen(tmp_path, parts[0], parts[1][mixed]), parts[1][~mixed])
    assert split["rows_seen_in_training"] == 0
    assert split["days_after_training"] < -50
    peeked = pd.concat([parts[0], parts[1].head(5)])
    assert holdout.cleanliness(tmp_path, holdout.write_seen(tmp_path, peeked), parts[1])["rows_seen_in_training"] == 5


def side_doors(sources: dict[str, str]) -> list[str]:
    """Modules that read the holdout without the ledger."""
    return [name for name, text in sources.items() if name != "holdout.py" and "holdout.parquet" in text]


def test_there_is_no_other_door():
    """No other module of the pipelines names the file, or asks for the part by its name."""
    sources = {path.name: path.read_text() for path in (ROOT / "pipelines").glob("*.py")}
    assert side_doors(sources) == []
    assert not [
        name for name, text in sources.items() if name != "holdout.py" and 'labelled(settings, "holdout")' in text
    ]
    assert side_doors({"train.py": 'read_parquet(folder / "holdout.parquet")'}) == ["train.py"]


def test_an_empty_folder_names_the_command(tmp_path, monkeypatch):
    """Without a split there is nothing to look at, and no look."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="make split"):
        holdout.opened(Settings(), "test")
    assert holdout.ledger(Settings()) == []
