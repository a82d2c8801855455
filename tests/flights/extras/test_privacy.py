"""A subject has one name that needs a key, and the forgotten are left out wherever their rows come in."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from flights.config import Settings
from flights.extras.privacy import erase, erased_subjects, erasure_list, pseudonym_key, pseudonymizer, select_rows

HIDDEN = "N0SECR"  # a tail number that nothing else here has


def test_a_pseudonym_is_stable_and_needs_its_key(tmp_path: Path):
    """The same subject has one name in one data folder and another in the next; the key is for its owner only."""
    key = pseudonym_key(tmp_path, make=True)
    other = pseudonym_key(tmp_path / "other", make=True)
    assert pseudonym_key(tmp_path) == key != other
    assert pseudonymizer(key)(HIDDEN) == pseudonymizer(key)(HIDDEN) != pseudonymizer(other)(HIDDEN)
    assert (tmp_path / "4_predictions" / "pseudonym.key").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_have_one_key(tmp_path: Path):
    """Each reads a whole key, and all the same one; nothing else is left in the folder."""
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(lambda _: pseudonym_key(tmp_path, make=True), range(64)))
    (key,) = keys
    assert len(key) == 32
    assert [file.name for file in (tmp_path / "4_predictions").iterdir()] == ["pseudonym.key"]


def test_a_key_that_is_not_whole_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Planted: the empty file of a crash, with which names were hashed without a key; and a short setting."""
    file = tmp_path / "4_predictions" / "pseudonym.key"
    file.parent.mkdir()
    file.write_bytes(b"")
    for make in (False, True):
        with pytest.raises(ValueError, match="expected 32 bytes, got 0: restore it"):
            pseudonym_key(tmp_path, make=make)
    monkeypatch.setenv("PSEUDONYM_KEY", "ab" * 31)
    with pytest.raises(ValueError, match="expected 64 hex digits") as refused:
        pseudonym_key(tmp_path)
    assert "abab" not in str(refused.value)


def test_the_setting_counts_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two data folders name a subject alike, neither gets a file, and the key is not shown with the settings."""
    monkeypatch.setenv("PSEUDONYM_KEY", "ab" * 32)
    assert pseudonym_key(tmp_path) == pseudonym_key(tmp_path / "other", make=True) == b"\xab" * 32
    assert list(tmp_path.iterdir()) == []
    assert "abab" not in repr(Settings())


def test_without_a_key_nobody_is_forgotten_or_let_in(tmp_path: Path):
    """Planted: the key is gone. A new one would find no row of anybody on the list, so none is made."""
    with pytest.raises(FileNotFoundError, match="set PSEUDONYM_KEY"):
        erase(tmp_path, HIDDEN)
    pseudonym_key(tmp_path, make=True)
    erase(tmp_path, HIDDEN)
    (tmp_path / "4_predictions" / "pseudonym.key").unlink()
    with pytest.raises(FileNotFoundError, match="set PSEUDONYM_KEY"):
        select_rows(pd.DataFrame({"tailnum": [HIDDEN]}), tmp_path)
    assert list((tmp_path / "4_predictions").iterdir()) == []


@pytest.mark.exhibit
def test_the_rows_of_the_forgotten_are_left_out(tmp_path: Path):
    """Theirs and no others', missing ones included; the list does not say who they are."""
    rows = pd.DataFrame({"tailnum": [HIDDEN, "N14228", None, HIDDEN], "flight": range(4)})
    assert select_rows(rows, tmp_path) is rows
    pseudonym_key(tmp_path, make=True)
    erase(tmp_path, HIDDEN)
    erase(tmp_path, HIDDEN)
    assert len(erased_subjects(tmp_path)) == 1
    assert HIDDEN not in erasure_list(tmp_path).read_text()
    assert select_rows(rows, tmp_path)["flight"].tolist() == [1, 2]
    table = rows[["flight"]]
    assert select_rows(table, tmp_path).equals(table)  # nothing personal in it
