"""A subject has one name that needs a key, and the forgotten are left out wherever their rows come in."""

from pathlib import Path

import pandas as pd

from flights.privacy import forget, forgotten, forgotten_list, pseudonym, pseudonym_key, without_forgotten

HIDDEN = "N0SECR"  # a tail number that nothing else here has


def test_a_pseudonym_is_stable_and_needs_its_key(tmp_path: Path):
    """The same subject has one name in one data folder and another in the next; the key is for its owner only."""
    key = pseudonym_key(tmp_path)
    assert pseudonym_key(tmp_path) == key != pseudonym_key(tmp_path / "other")
    assert pseudonym(key)(HIDDEN) == pseudonym(key)(HIDDEN) != pseudonym(pseudonym_key(tmp_path / "other"))(HIDDEN)
    assert (tmp_path / "4_predictions" / "pseudonym.key").stat().st_mode & 0o777 == 0o600


def test_the_rows_of_the_forgotten_are_left_out(tmp_path: Path):
    """Theirs and no others', missing ones included; the list does not say who they are."""
    rows = pd.DataFrame({"tailnum": [HIDDEN, "N14228", None, HIDDEN], "flight": range(4)})
    assert without_forgotten(rows, tmp_path) is rows
    forget(tmp_path, HIDDEN)
    forget(tmp_path, HIDDEN)
    assert len(forgotten(tmp_path)) == 1
    assert HIDDEN not in forgotten_list(tmp_path).read_text()
    assert without_forgotten(rows, tmp_path)["flight"].tolist() == [1, 2]
    table = rows[["flight"]]
    assert without_forgotten(table, tmp_path).equals(table)  # nothing personal in it
