"""An append-only history: of two writers exactly one appends, and an unreadable entry stops every reader."""

from dataclasses import dataclass

import pytest

from flights.history import Entry, SequenceTakenError, UnreadableEntryError, append, entries


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
