"""The manifest covers every file of a model folder, and golden predictions survive being written."""

import numpy as np
import pytest

from flights.artifacts import read_json
from flights.dataset import INPUTS
from flights.model_files import check_files, check_golden, check_manifest, write_golden, write_manifest
from flights.portable import TABLES, ParityError
from flights.rows import as_columns


def test_the_manifest_has_the_digest_of_every_file(tmp_path):
    """A folder that nothing was done to passes; an altered, a missing and an extra file do not."""
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    digests = read_json(write_manifest(tmp_path, 1, {}), "")["files"]
    check_files(tmp_path, digests)
    (tmp_path / "a").write_text("changed")
    with pytest.raises(ValueError, match="a: altered"):
        check_files(tmp_path, digests)
    (tmp_path / "a").unlink()
    with pytest.raises(ValueError, match="a: missing"):
        check_files(tmp_path, digests)
    with pytest.raises(ValueError, match="b: not in the manifest"):
        check_files(tmp_path, {})


def test_another_answer_is_found(tmp_path):
    """Injected: a model that answers something else than when it was published."""
    columns = as_columns([{column.name: _plain(column) for column in INPUTS}])
    write_golden(tmp_path, columns, np.array([0.25]))
    (tmp_path / TABLES).write_text("{}")
    check_golden(tmp_path, lambda _: np.array([0.25]))
    with pytest.raises(ParityError, match="a difference of"):
        check_golden(tmp_path, lambda _: np.array([0.26]))


GOOD = {"version": 1, "threshold": 0.2, "files": {"a": "0" * 64}}


def test_a_sound_manifest_passes():
    """What the registry publishes has these types; whole numbers are thresholds too."""
    for threshold in (0.2, 0, 1, 1.0):
        check_manifest(GOOD | {"threshold": threshold, "more": None})


@pytest.mark.parametrize("version", [None, "1", 1.0, True, 0, -1, [1]])
def test_a_version_of_another_type_is_named(version):
    """Injected: no version, text, a fraction, a truth value, and numbers that no version has."""
    with pytest.raises(ValueError, match="expected an integer from 1 as version"):
        check_manifest(GOOD | {"version": version})


@pytest.mark.parametrize("threshold", [None, "0.2", True, float("nan"), float("inf"), -0.1, 1.1, [0.2], {}])
def test_a_threshold_of_another_type_or_out_of_range_is_named(threshold):
    """Injected: no threshold, text, a truth value, NaN, infinity, and probabilities that are none."""
    with pytest.raises(ValueError, match="expected a number from 0 to 1 as threshold"):
        check_manifest(GOOD | {"threshold": threshold})


@pytest.mark.parametrize("files", [None, [], "a", {"a": 1}, {"a": "0" * 63}, {"a": "g" * 64}, {"a": None}])
def test_files_without_their_digests_are_named(files):
    """Injected: no files, a list, text, and digests that are none."""
    with pytest.raises(ValueError, match="expected files with their SHA-256 digests"):
        check_manifest(GOOD | {"files": files})


def _plain(column):
    return column.example.removesuffix("Z") if column.kind == "time" else column.example
