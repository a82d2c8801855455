"""Rows that training saw are found in the holdout, under any key."""

import numpy as np
import pandas as pd

from flights.config import Settings
from flights.dataset import KEY
from pipelines.rows import labelled_rows
from pipelines.training import seen_rows


def test_a_copied_row_is_found_under_another_name(trained, monkeypatch):
    """Planted: three rows of the holdout in the training data, with new flight ids. Their content gives them away."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    rows = labelled_rows(Settings(), "holdout")
    renamed = rows.head(3).assign(**{KEY: [f"{key}9" for key in rows[KEY].head(3)]})
    assert np.array_equal(seen_rows.row_digests(renamed), seen_rows.row_digests(rows)[:3])
    assert len(np.unique(seen_rows.row_digests(rows))) == len(rows)


def test_a_random_split_and_seen_rows_are_told(trained, tmp_path, monkeypatch):
    """Clean is: nothing seen, and the first row after the last one seen."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    parts = [labelled_rows(Settings(), name) for name in ("train", "holdout")]
    clean = seen_rows.holdout_overlap(tmp_path, seen_rows.write_seen_rows(tmp_path, parts[0]), parts[1])
    assert clean["rows_seen_in_training"] == 0
    assert clean["days_after_training"] > 2
    mixed = np.random.default_rng(0).random(len(parts[1])) < 0.5
    split = seen_rows.holdout_overlap(
        tmp_path, seen_rows.write_seen_rows(tmp_path, parts[0], parts[1][mixed]), parts[1][~mixed]
    )
    assert split["rows_seen_in_training"] == 0
    assert split["days_after_training"] < -50
    peeked = pd.concat([parts[0], parts[1].head(5)])
    assert (
        seen_rows.holdout_overlap(tmp_path, seen_rows.write_seen_rows(tmp_path, peeked), parts[1])[
            "rows_seen_in_training"
        ]
        == 5
    )
