"""The log keeps what it acknowledged, once, in SQLite and in PostgreSQL, and recovers by itself."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flights.predictions import Outcome, Prediction, Shadow, counted_outcomes, engine, logged_predictions
from flights.privacy import pseudonym
from serving.prediction_log import Conflict, LogUnavailable, PredictionLog
from tests.serving.postgres import MISSING, Postgres, postgres

NOW = "2013-11-01T08:00:00.000000Z"


def prediction(name: str, carrier: str = "UA") -> Prediction:
    return Prediction(name, NOW, NOW, f'{{"carrier":"{carrier}"}}', 0.25, False, 0.3, 1, "ab", "champion", 900)


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PredictionLog]:
    """An empty log of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/folder/predictions.db"
    elif MISSING:
        pytest.skip(MISSING)
    else:
        url = request.getfixturevalue("database").url
    opened = PredictionLog(url)
    yield opened
    opened.close()


def test_what_was_written_is_read_by_the_monitor(log: PredictionLog):
    """The server's rows come back through the library's reader, once each."""
    names = [f"read-{number}" for number in range(200)]
    log.write([[prediction(name)] for name in names])
    reader = engine(log._url)
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


@pytest.mark.exhibit
def test_outcomes_are_kept_in_every_version_and_counted_once(log: PredictionLog):
    """Word for word repeats are told apart from new knowledge, and unknown predictions are counted."""
    log.write([[prediction("landed")]])
    early = Outcome("landed", "2013-11-01T14:00:00.000000Z", 20.0, NOW)
    late = early._replace(known_at="2013-11-01T15:00:00.000000Z", value=25.0)
    assert log.write_outcomes([late, early, early._replace(request_id="nobody")]) == (0, 1)
    assert log.write_outcomes([early, late]) == (2, 0)
    reader = engine(log._url)
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
    assert len(log._rows("SELECT * FROM outcomes WHERE request_id = ?", ("doubled",))) == 2
    assert log.write_outcomes(twice) == (4, 0)


def test_a_subject_is_forgotten_with_its_outcomes(log: PredictionLog):
    """What is about one value goes, also where it is part of another row's text; everything else stays."""
    log.write([[prediction("about-it", "FORGET")], [prediction("not-about-it", "FORGETFUL")]])
    log.write_outcomes([Outcome("about-it", NOW, 1.0, NOW), Outcome("not-about-it", NOW, 1.0, NOW)])
    assert log.forget("carrier", "FORGET") == 1
    assert log.about("carrier", "FORGET") == []
    assert log.find("about-it") is None
    assert log.find("not-about-it")
    assert log.write_outcomes([Outcome("about-it", NOW, 1.0, NOW)]) == (0, 1)


def test_what_is_too_old_is_deleted(log: PredictionLog):
    """Retention goes by when a prediction was answered and an outcome came in."""
    old = prediction("old")._replace(answered_at="2012-01-01T00:00:00.000000Z")
    log.write([[old], [prediction("new")]])
    assert log.delete_before("2013-01-01T00:00:00.000000Z") == 1
    assert log.find("old") is None
    assert log.find("new")


def test_what_is_too_old_is_deleted_little_by_little(log: PredictionLog, monkeypatch: pytest.MonkeyPatch):
    """Never more rows at once than others may wait for; what is newer stays, and 0 says that nothing is left."""
    monkeypatch.setattr("serving.prediction_log.CHUNK_ROWS", 2)
    early = "2012-01-01T00:00:00.000000Z"
    old = [prediction(f"old-{number}")._replace(answered_at=early) for number in range(5)]
    log.write([old, [prediction("kept")]])
    log.write_outcomes([Outcome(f"old-{number}", early, float(number), early) for number in range(5)])
    deleted = []
    while not deleted or deleted[-1]:
        deleted.append(log.delete_before("2012-02-01T00:00:00.000000Z"))
    assert deleted == [4, 4, 2, 0]
    assert log.find("kept")


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)  # PostgreSQL plans by the tables' sizes
def test_what_is_too_old_is_found_by_an_index(log: PredictionLog):
    """Or else the log would be read from end to end every hour, while predictions wait."""
    for table, moment in (("outcomes", "received_at"), ("shadows", "scored_at"), ("predictions", "answered_at")):
        plan = log._rows(f"EXPLAIN QUERY PLAN SELECT rowid FROM {table} WHERE {moment} < ?", ("2014",))
        assert f"INDEX {table}_{moment}" in plan[0][-1]


def test_shadows_are_kept_beside_the_predictions_and_go_with_them(log: PredictionLog):
    """Once for each version, in no count of predictions; forgetting and retention take them too."""
    log.write([[prediction("seen", "SHADOWED")], [prediction("late")]])
    shadows = [Shadow(name, NOW, 0.75, True, 2, "cd") for name in ("seen", "late")]
    log.write_shadows(shadows)
    log.write_shadows([shadow._replace(probability=0.1) for shadow in shadows])

    def kept() -> list[tuple]:
        query = "SELECT request_id, probability FROM shadows WHERE request_id IN (?, ?) ORDER BY request_id"
        return [tuple(row) for row in log._rows(query, ("seen", "late"))]

    assert kept() == [("late", 0.75), ("seen", 0.75)]
    assert log.find("seen") == prediction("seen", "SHADOWED")
    log.forget("carrier", "SHADOWED")
    assert kept() == [("late", 0.75)]
    while log.delete_before("2014-01-01T00:00:00.000000Z"):
        pass
    assert kept() == []


def test_a_log_belongs_to_the_key_that_came_first(log: PredictionLog):
    """Another key is refused, however often it tries; the first one goes on."""
    first, other = PredictionLog(log._url, pseudonym(b"one")), PredictionLog(log._url, pseudonym(b"other"))
    first.write([[prediction("by-the-first-key")]])
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="made with another key"):
            other.write([[prediction("by-another-key")]])
        with pytest.raises(ValueError, match="made with another key"):
            other.find("by-the-first-key")
    assert not other.check()
    assert first.find("by-another-key") is None
    first.close()


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
    monkeypatch.setattr("serving.prediction_log.BUSY_SECONDS", 0.05)
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


def traces(folder: Path, value: str) -> list[str]:
    return [file.name for file in folder.iterdir() if value.encode() in file.read_bytes()]


def test_a_forgotten_value_is_in_none_of_the_logs_bytes(tmp_path: Path):
    """Neither in the database nor in what was written ahead, and also where it was deleted before, by retention."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("old", "FORGOTTEN")._replace(answered_at="2012")], [prediction("new", "FORGOTTEN")]])
    log.write([[prediction(f"other-{number}")] for number in range(100)])
    assert log.delete_before("2013") == 1
    assert traces(tmp_path, "FORGOTTEN")
    assert log.forget("carrier", "FORGOTTEN") == 1
    assert traces(tmp_path, "FORGOTTEN") == []
    assert log.find("other-99")
    log.close()


def test_what_somebody_still_reads_is_not_called_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Planted: a reader in the middle of its work keeps the bytes. It is said, and a second run succeeds."""
    monkeypatch.setattr("serving.prediction_log.BUSY_SECONDS", 0.05)
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("it", "FORGOTTEN")]])
    reader = sqlite3.connect(tmp_path / "predictions.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM predictions").fetchone()
    with pytest.raises(LogUnavailable, match="somebody reads the log: run it again"):
        log.forget("carrier", "FORGOTTEN")
    assert traces(tmp_path, "FORGOTTEN")
    reader.close()
    assert log.forget("carrier", "FORGOTTEN") == 0
    assert traces(tmp_path, "FORGOTTEN") == []
    log.close()


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_postgresql_syncs_every_commit_and_answers_in_time(database: Postgres):
    """Whatever the server's own settings are; planted: one that acknowledges before it has written."""
    log = PredictionLog(database.url)
    log._open().execute("ALTER ROLE loop SET synchronous_commit = off")
    log._connection.commit()
    log.close()
    assert log._rows("SHOW synchronous_commit", ()) == [("on",)]
    assert log._rows("SHOW statement_timeout", ()) == [("5s",)]
    log._open().execute("ALTER ROLE loop RESET synchronous_commit")
    log._connection.commit()
    log.close()


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_restarted_postgresql_costs_no_acknowledged_row(database: Postgres):
    """A lost connection is made again; while the database is down nothing is acknowledged."""
    log = PredictionLog(database.url)
    log.write([[prediction("before the restart")]])
    database.stop()
    with pytest.raises(LogUnavailable):
        log.write([[prediction("while it is down")]])
    assert not log.check()
    database.start()
    assert log.check()
    log.write([[prediction("after the restart")]])
    assert log.find("before the restart")
    assert log.find("while it is down") is None
    log.close()
