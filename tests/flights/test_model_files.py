"""The manifest covers every file of a model folder, and golden predictions survive being written."""

import numpy as np
import pytest

from flights.artifacts import read_json
from flights.contract import as_columns
from flights.dataset import INPUTS
from flights.model_files import check_files, check_golden, write_golden, write_manifest
from flights.portable import ParityError


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
    check_golden(tmp_path, lambda _: np.array([0.25]))
    with pytest.raises(ParityError, match="a difference of"):
        check_golden(tmp_path, lambda _: np.array([0.26]))


def _plain(column):
    return column.example.removesuffix("Z") if column.kind == "time" else column.example
