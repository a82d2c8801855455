"""A file is final or not there; what is read is what was written."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from flights import artifacts, history


def interrupted(path: Path) -> None:
    path.write_text("half of it")
    raise KeyboardInterrupt


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    """A crash while writing never reaches the final name."""
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        artifacts.write_atomically(target, interrupted)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    """A crash while filling a folder leaves no folder."""
    target = tmp_path / "1"
    with pytest.raises(KeyboardInterrupt), artifacts.new_folder(target) as folder:
        interrupted(folder / "file")
    assert list(tmp_path.iterdir()) == []
    with artifacts.new_folder(target) as folder:
        (folder / "file").write_text("whole")
    assert (target / "file").read_text() == "whole"


def fill(path: Path, text: str) -> None:
    with artifacts.new_folder(path) as folder:
        (folder / "file").write_text(text)


def test_a_published_folder_is_never_replaced(tmp_path):
    """Publishing over an existing folder is refused and changes nothing."""
    fill(tmp_path / "1", "first")
    with pytest.raises(FileExistsError, match="never changes"):
        fill(tmp_path / "1", "second")
    assert (tmp_path / "1" / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "1"]


def test_json_with_a_number_that_is_none_is_refused(tmp_path):
    """NaN is no JSON: it is refused when written, not when somebody else cannot read it."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        artifacts.write_json(tmp_path / "a.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_names_the_next_command(tmp_path):
    """Anyone who reads too early is told what to run."""
    for read in (artifacts.read_json, artifacts.read_parquet):
        with pytest.raises(FileNotFoundError, match="run `make train`"):
            read(tmp_path / "none", "run `make train`")


def test_json_comes_back(tmp_path):
    """What was written is what is read."""
    content = {"a": [1, 2.5, None]}
    assert artifacts.read_json(artifacts.write_json(tmp_path / "a.json", content), "") == content
    assert json.loads((tmp_path / "a.json").read_text()) == content


def test_no_flipped_bit_reads_back_as_other_data(tmp_path):
    """Of many single-bit flips in a Parquet file's data, none comes back as different rows."""
    frame = pd.DataFrame({"value": range(2000), "name": [f"row {n}" for n in range(2000)]})
    path = artifacts.write_parquet(tmp_path / "a.parquet", frame)
    pd.testing.assert_frame_equal(artifacts.read_parquet(path, ""), frame)
    content = path.read_bytes()
    for position in range(4, len(content), len(content) // 200):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        try:
            read = artifacts.read_parquet(path, "")
        except Exception:  # refused: which error depends on where the bit was
            continue
        pd.testing.assert_frame_equal(read, frame)


def test_a_digest_depends_on_content_and_order(tmp_path):
    """Equal parts in another order are something else."""
    assert artifacts.digest(["a", "b"]) != artifacts.digest(["b", "a"])
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("same")
    two.write_text("same")
    assert artifacts.sha256(one) == artifacts.sha256(two)


@pytest.fixture(params=[0o077, 0o027, 0o000], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """A user's umask for the time of a test."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_modes_do_not_follow_the_umask(tmp_path, umask):
    """Injected: three umasks. Files are 0644 and folders 0755, new parents and what is inside a new folder too."""
    artifacts.write_json(tmp_path / "a/b/c.json", {})
    history.write_new_json(tmp_path / "history/d/000001.json", {})
    with artifacts.new_folder(tmp_path / "models/x/1") as folder:
        (folder / "file").write_text("")
        (folder / "inner").mkdir()
        (folder / "inner/file").write_text("")
    for item in tmp_path.rglob("*"):
        assert stat.S_IMODE(item.stat().st_mode) == (0o755 if item.is_dir() else 0o644), item


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


NO_ORDINARY_FILES = {
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "huge": huge,
}


@pytest.mark.parametrize("make", NO_ORDINARY_FILES.values(), ids=NO_ORDINARY_FILES)
def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path, make):
    """Injected: a FIFO, a folder, two devices and a file of a terabyte; each is an error with the path, at once."""
    path = tmp_path / "a.json"
    make(path)
    with pytest.raises((ValueError, OSError), match=r"a\.json"):
        artifacts.read_json(path, "")


@pytest.mark.parametrize("text", ["[]", "1", "null", '"text"'])
def test_json_that_is_no_object_is_refused(tmp_path, text):
    """Injected: a list, a number, nothing and a text."""
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="expected a JSON object"):
        artifacts.read_json(tmp_path / "a.json", "")
