"""Rows that training saw are found in the holdout, under any key."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from flights.config import Settings
from flights.dataset import KEY
from pipelines.checks import leakage
from pipelines.rows import labelled_rows


def test_a_copied_row_is_found_under_another_name(trained, monkeypatch):
    """Planted: three rows of the holdout in the training data, with new flight ids. Their content gives them away."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    rows = labelled_rows(Settings(), "holdout")
    renamed = rows.head(3).assign(**{KEY: [f"{key}9" for key in rows[KEY].head(3)]})
    assert np.array_equal(leakage.row_digests(renamed), leakage.row_digests(rows)[:3])
    assert len(np.unique(leakage.row_digests(rows))) == len(rows)


def overlap(folder, trained_on, rows, before=None):
    """What the check measures of a training on some rows."""
    record = leakage.record(folder, trained_on, before=before)
    return leakage.properties(SimpleNamespace(folder=folder, training=record, rows=rows))


def test_a_random_split_and_seen_rows_are_told(trained, tmp_path, monkeypatch):
    """Clean is: nothing seen, and the first row after the last one seen."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    parts = [labelled_rows(Settings(), name) for name in ("train", "holdout")]
    clean = overlap(tmp_path, parts[0], parts[1])
    assert clean["rows_seen_in_training"] == 0
    assert clean["days_after_training"] > 2
    mixed = np.random.default_rng(0).random(len(parts[1])) < 0.5
    split = overlap(tmp_path, pd.concat([parts[0], parts[1][mixed]]), parts[1][~mixed])
    assert split["rows_seen_in_training"] == 0
    assert split["days_after_training"] < -50
    peeked = pd.concat([parts[0], parts[1].head(5)])
    assert overlap(tmp_path, peeked, parts[1])["rows_seen_in_training"] == 5


def test_the_rows_of_an_earlier_version_count_as_seen(trained, tmp_path, monkeypatch):
    """Planted: what the version was made from had seen three rows of the holdout; its own training had not."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    train, rows = (labelled_rows(Settings(), name) for name in ("train", "holdout"))
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    leakage.record(tmp_path / "before", rows.head(3))
    assert overlap(tmp_path / "after", train, rows, tmp_path / "before")["rows_seen_in_training"] == 3
