"""The log keeps what it acknowledged, once, in SQLite and in PostgreSQL, and recovers by itself."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from flights.log_reader import counted_outcomes, engine, logged_predictions
from flights.predictions import Outcome, Prediction
from serving.log_connection import LogUnavailable
from serving.prediction_log import Conflict, PredictionLog

NOW = "2013-11-01T08:00:00.000000Z"


def prediction(name: str, carrier: str = "UA") -> Prediction:
    return Prediction(name, NOW, NOW, f'{{"carrier":"{carrier}"}}', 0.25, False, 0.3, 1, "ab", "champion", 900)


def test_what_was_written_is_read_by_the_monitor(log: PredictionLog):
    """The server's rows come back through the library's reader, once each."""
    names = [f"read-{number}" for number in range(200)]
    log.write([[prediction(name)] for name in names])
    reader = engine(log.url)
    rows = logged_predictions(reader).set_index("request_id")
    reader.dispose()
    assert set(names) <= set(rows.index)
    assert rows.loc["read-0", "probability"] == 0.25
    assert log.find("read-7") == prediction("read-7")


def test_a_repeated_request_gets_its_first_answer_and_a_taken_name_is_a_conflict(log: PredictionLog):
    """Within a commit and across commits; what shares the commit is not harmed, and of a conflict nothing is kept."""
    first = prediction("again")
    log.write([[first]])
    later = first._replace(probability=0.9, model_version=2)
    answers = log.write([[prediction("other")], [later], [prediction("part"), prediction("again", "AA")], [later]])
    assert answers[0] == [prediction("other")]
    assert answers[1] == answers[3] == [first]
    assert isinstance(answers[2], Conflict)
    assert log.find("part") is None
    assert isinstance(log.write([[prediction("twice"), prediction("twice", "AA")]])[0], Conflict)
    assert log.write([[prediction("same"), prediction("same")]]) == [[prediction("same")] * 2]


def test_outcomes_are_kept_in_every_version_and_counted_once(log: PredictionLog):
    """Word for word repeats are told apart from new knowledge, and unknown predictions are counted."""
    log.write([[prediction("landed")]])
    early = Outcome("landed", "2013-11-01T14:00:00.000000Z", 20.0, NOW)
    late = early._replace(known_at="2013-11-01T15:00:00.000000Z", value=25.0)
    assert log.write_outcomes([late, early, early._replace(request_id="nobody")]) == (0, 1)
    assert log.write_outcomes([early, late]) == (2, 0)
    reader = engine(log.url)
    counted = counted_outcomes(reader).set_index("request_id")
    reader.dispose()
    assert counted.loc["landed", "arrival_delay"] == 25.0
    assert (counted.index == "landed").sum() == 1


def test_an_outcome_that_comes_twice_in_one_request_is_kept_once(log: PredictionLog):
    """Received at two moments, as each is written: the second is counted as repeated, a missing value too."""
    first = Outcome("doubled", "2013-11-01T14:00:00.000000Z", 20.0, NOW)
    none = first._replace(value=None)
    twice = [first, none, first._replace(received_at="later"), none._replace(received_at="later")]
    assert log.write_outcomes(twice) == (2, 2)
    assert len(log.rows("SELECT * FROM outcomes WHERE request_id = ?", ("doubled",))) == 2
    assert log.write_outcomes(twice) == (4, 0)


def test_sqlite_syncs_every_commit(tmp_path: Path):
    """Write-ahead log and full synchronisation are what the promise rests on."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("a")]])
    assert log._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert log._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    log.close()


def test_a_log_that_cannot_be_written_says_so_and_recovers(tmp_path: Path):
    """Where the folder is a file nothing is acknowledged; when it is a folder again everything works."""
    folder = tmp_path / "4_predictions"
    folder.write_text("in the way")
    log = PredictionLog(f"sqlite:///{folder}/predictions.db")
    with pytest.raises(LogUnavailable):
        log.write([[prediction("a")]])
    assert not log.available
    assert not log.check()
    folder.unlink()
    assert log.check()
    assert log.available
    assert log.write([[prediction("a")]]) == [[prediction("a")]]
    log.close()


def test_a_log_locked_by_someone_else_is_unavailable_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another process that holds the database too long costs refusals, not rows."""
    monkeypatch.setattr("serving.log_connection.BUSY_SECONDS", 0.05)
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("before")]])
    other = sqlite3.connect(tmp_path / "predictions.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable):
        log.write([[prediction("during")]])
    other.execute("ROLLBACK")
    other.close()
    assert log.check()
    log.write([[prediction("after")]])
    assert log.find("during") is None
    assert log.find("before")
    log.close()


def test_a_deleted_log_is_not_written_to(tmp_path: Path):
    """A commit into a file that nobody can open again would be lost: the log starts a new file."""
    log = PredictionLog(f"sqlite:///{tmp_path}/folder/predictions.db")
    log.write([[prediction("lost with its file")]])
    shutil.rmtree(tmp_path / "folder")
    log.write([[prediction("kept")]])
    log.close()
    with sqlite3.connect(tmp_path / "folder" / "predictions.db") as file:
        assert file.execute("SELECT request_id FROM predictions").fetchall() == [("kept",)]
    file.close()


def test_an_exchanged_log_is_not_written_to(tmp_path: Path):
    """Planted: another worker found the file deleted and made it anew. Its name is there, and it is another file."""
    file = tmp_path / "predictions.db"
    log, other = PredictionLog(f"sqlite:///{file}"), PredictionLog(f"sqlite:///{file}")
    log.write([[prediction("lost with its file")]])
    for each in tmp_path.iterdir():
        each.unlink()
    other.write([[prediction("by the other")]])
    log.write([[prediction("kept")]])
    with sqlite3.connect(file) as read:
        names = {name for (name,) in read.execute("SELECT request_id FROM predictions")}
    read.close()
    assert names == {"by the other", "kept"}
    log.close()
    other.close()
