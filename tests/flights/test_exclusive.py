"""Of two writers of one name exactly one succeeds, on a file system without hard links too."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flights import artifacts, history


@pytest.fixture(params=[errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def no_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without hard links, by each error that says so."""

    def link(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "link", link)


def test_without_hard_links_exactly_one_of_many_writers_succeeds(tmp_path, no_links):
    """Injected: eight writers at once, many times; the file is one writer's, whole, and nothing else remains."""

    def write(path: Path, writer: int) -> int | None:
        try:
            history.write_new_json(path, {"writer": writer})
        except FileExistsError:
            return None
        return writer

    with ThreadPoolExecutor(8) as writers:
        for turn in range(10):
            path = tmp_path / f"{turn}.json"
            winners = [one for one in writers.map(write, [path] * 8, range(8)) if one is not None]
            assert winners == [artifacts.read_json(path, "")["writer"]]
            assert len(list(tmp_path.iterdir())) == turn + 1


def test_a_writer_that_was_killed_leaves_no_half_file(tmp_path, no_links, monkeypatch):
    """Injected: a claim without a file. The next writer is told which file to delete."""
    monkeypatch.setattr(history, "CLAIM_TENTHS", 1)
    (tmp_path / ".000001.json.claim").touch()
    with pytest.raises(OSError, match=r"delete this file and try again: .*000001\.json\.claim"):
        history.write_new_json(tmp_path / "000001.json", {})
    assert [item.name for item in tmp_path.iterdir()] == [".000001.json.claim"]


def test_another_error_of_the_file_system_is_not_hidden(tmp_path, monkeypatch):
    """Injected: a full disk is no file system without links."""

    def link(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(OSError, match="No space left"):
        history.write_new_json(tmp_path / "a.json", {})
