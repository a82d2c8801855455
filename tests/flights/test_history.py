"""An append-only history: of two writers exactly one appends, and an unreadable entry stops every reader."""

import errno
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from flights import registry
from flights.artifacts import read_json, write_json
from flights.config import NAME
from flights.history import Entry, SequenceTakenError, UnreadableEntryError, append, entries
from flights.registry import ModelRefused, Promotion


@dataclass(frozen=True)
class Step(Entry):
    """An entry with one field of its own."""

    name: str


def test_entries_come_back_in_order(tmp_path):
    """What was appended is read, oldest first, with its number and its time."""
    assert entries(tmp_path, Step) == []
    written = [append(tmp_path, last, Step, name=name) for last, name in enumerate("abc")]
    assert entries(tmp_path, Step) == written
    assert [each.sequence for each in written] == [1, 2, 3]


def test_a_writer_that_read_an_older_state_is_told(tmp_path):
    """Injected: two writers read the same state, and both append. The second one fails, and its entry is not there."""
    first = append(tmp_path, 0, Step, name="first")
    with pytest.raises(SequenceTakenError, match="entry 1 was written meanwhile"):
        append(tmp_path, 0, Step, name="second")
    assert entries(tmp_path, Step) == [first]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"sequence": 1, "at": "now", "name": "a", "more": 1}'])
def test_an_unreadable_entry_is_named(tmp_path, content):
    """Injected: an entry that is empty, cut off, of another kind, or has a field too many."""
    (tmp_path / "000001.json").write_text(content)
    with pytest.raises(UnreadableEntryError, match=r"000001\.json: expected a step, got .*restore it from a backup"):
        entries(tmp_path, Step)


def renumbered(folder: Path) -> None:
    write_json(folder / "000002.json", read_json(folder / "000002.json", "") | {"sequence": 7})


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / "000001.json").unlink(), "000001"),
        (lambda folder: (folder / "000002.json").unlink(), "000002"),
        (lambda folder: (folder / "000002.json").rename(folder / "000005.json"), "000002"),
        (renumbered, "000002"),
    ],
    ids=["first", "middle", "renamed", "renumbered"],
)
def test_a_missing_entry_is_named(tmp_path, damage, named):
    """Injected: an entry before the last one is gone. A writer would be told "replaced meanwhile" for ever."""
    for last, name in enumerate("abc"):
        append(tmp_path, last, Step, name=name)
    damage(tmp_path)
    with pytest.raises(UnreadableEntryError, match=rf"{named}\.json: missing or altered: restore it from a backup"):
        entries(tmp_path, Step)


@pytest.mark.parametrize("champion", [None, "1", True, 1.0, [1]])
def test_a_champion_that_is_no_number_is_not_taken_for_none(tmp_path, champion):
    """Injected: an entry whose champion somebody edited. It is named, and there is not "no champion yet"."""
    history = tmp_path / NAME / "history"
    append(history, 0, Promotion, action="promote", previous=None, champion=1, gate_digest="")
    (file,) = history.glob("*.json")
    write_json(file, read_json(file, "") | {"champion": champion})
    with pytest.raises(ModelRefused, match=r"000001\.json: expected a promotion, got champion"):
        registry.champion(tmp_path)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE], ids=errno.errorcode.get)
def test_an_unreadable_folder_is_not_taken_for_an_empty_one(tmp_path, monkeypatch, code):
    """Injected: no permission, a broken disk, a network file system that is gone."""

    def unreadable(_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "listdir", unreadable)
    monkeypatch.setattr(os, "scandir", unreadable)  # what iterdir calls from Python 3.13 on
    with pytest.raises(UnreadableEntryError, match=f"cannot read {tmp_path}: {os.strerror(code).lower()}"):
        entries(tmp_path, Step)


READ = """
import os, sys
from pathlib import Path
from flights.history import Entry, UnreadableEntryError, entries
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    print(entries(Path(sys.argv[1]), Entry))
except UnreadableEntryError as error:
    print(error)
"""


@pytest.mark.parametrize("place", ["", "history", "history/000001.json"])
def test_another_user_is_told_what_it_cannot_read(tmp_path, place):
    """Injected: a parent, the folder and an entry that only their owner may read, for another user's process."""
    root = Path(tempfile.gettempdir()).resolve()
    for folder in (tmp_path, *tmp_path.parents):
        if root in folder.resolve().parents:
            folder.chmod(0o755)
    folder = tmp_path / "history"
    append(folder, 0, Entry)
    (tmp_path / place).chmod(0)
    path = os.pathsep.join(each for each in sys.path if each)
    environment = os.environ | {"PYTHONPATH": path}
    command = [sys.executable, "-c", READ, folder]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    (tmp_path / place).chmod(0o755)
    named = tmp_path / "history" if not place else tmp_path / place
    assert f"cannot read {named}: permission denied" in done.stdout, done.stderr


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_an_entry_that_is_no_ordinary_file_is_named(tmp_path, make):
    """Injected: a FIFO, on which a reader waits for ever, a folder and a device without end."""
    make(tmp_path / "000001.json")
    with pytest.raises(UnreadableEntryError, match=r"000001\.json: expected"):
        entries(tmp_path, Step)
