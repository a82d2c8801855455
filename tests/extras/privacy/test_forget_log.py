"""What identifies someone is not in the log, and what is in it can be erased."""

# ruff: noqa: F811 - fixtures
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from extras.privacy.forget_log import delete_subject, expand_batches, ids_of_subject, ids_that_name
from flights.contract import PERSONAL
from flights.extras.privacy import pseudonym_key, pseudonymizer
from flights.log_reader import count, engine
from flights.predictions import Outcome, Prediction
from flights.registry import Model
from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from serving.request import example
from tests.serving.conftest import data_dir, database, log, model  # noqa: F401
from tests.serving.published import publish_champion
from tests.serving.running import ROOT, running
from tests.serving.test_batch import FLIGHTS, asked, waiting
from tests.serving.test_prediction_log import NOW, prediction

HIDDEN = "N0SECR"  # a tail number that nothing else here has


def everything_written(folder: Path) -> bytes:
    """All bytes of the log, of the server's own log and of what is next to them."""
    files = [*(folder / "4_predictions").iterdir(), *folder.glob("server-*.log")]
    return b"".join(file.read_bytes() for file in files if file.name != "pseudonym.key")


@pytest.mark.exhibit
@pytest.mark.ml_test_score("D5")
def test_a_personal_value_reaches_neither_log_nor_metrics_and_is_forgotten(tmp_path: Path):
    """In the clear it is nowhere, answered or refused; by its pseudonym it is in the log until it is forgotten."""
    model: Model = publish_champion(tmp_path / "3_models", 1, seed=1)
    assert {"tailnum"} == PERSONAL
    with running(tmp_path) as server:
        server.wait()
        for tailnum in (HIDDEN, HIDDEN, "N14228", f"{HIDDEN} is no tail number"):
            httpx.post(f"{server.url}/predict", json=example() | {"tailnum": tailnum})
        assert HIDDEN not in httpx.get(f"{server.url}/metrics").text
        name = pseudonymizer(pseudonym_key(tmp_path))(HIDDEN)
        assert HIDDEN.encode() not in everything_written(tmp_path)
        assert name.encode() in everything_written(tmp_path)
        said = forget(tmp_path)
        assert "forgot 2 predictions" in said
        assert "; 0 left" in said
        assert httpx.post(f"{server.url}/predict", json=example()).json()["model_version"] == model.version
    assert name.encode() not in everything_written(tmp_path)
    assert "forgot 0 predictions" in forget(tmp_path)


def forget(folder: Path) -> str:
    done = ran(folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "extras.privacy.forget_log", HIDDEN]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, cwd=ROOT)


def test_without_a_key_nothing_is_called_forgotten(tmp_path: Path):
    """Planted: a host without the servers' key. With a new one it would find nobody and say that 0 are left."""
    done = ran(tmp_path)
    assert done.returncode == 1
    assert "not forgotten" in done.stderr
    assert "set PSEUDONYM_KEY" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.exhibit
def test_a_log_that_another_key_named_is_neither_served_nor_called_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Planted: a second server and a host with keys of their own. The one is not ready, the other finds nobody."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    with running(tmp_path) as server:
        server.wait()
        assert httpx.post(f"{server.url}/predict", json=example() | {"tailnum": HIDDEN}).status_code == 200
    with running(tmp_path, PSEUDONYM_KEY="ab" * 32) as other:
        assert httpx.post(f"{other.url}/predict", json=example()).status_code == 503
        assert httpx.get(f"{other.url}/health/ready").status_code == 503
        assert "made with another key" in other.log.read_text()
    monkeypatch.setenv("PSEUDONYM_KEY", "ab" * 32)
    done = ran(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "made with another key: set PSEUDONYM_KEY" in done.stderr
    monkeypatch.delenv("PSEUDONYM_KEY")
    assert "forgot 1 predictions" in forget(tmp_path)


@pytest.mark.parametrize("words", [[], [""], [" "], ["N1", "N2"]])
def test_without_a_subject_it_ends_before_anything(tmp_path: Path, words: list[str]):
    """Injected: no subject, a blank one, two. One line says what is expected, and nothing was opened."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "extras.privacy.forget_log", *words]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "expected one subject, as the data name it: make forget SUBJECT=N14228\n"
    assert list(tmp_path.iterdir()) == []


def test_request_ids_that_name_the_subject_are_found(log: PredictionLog):
    """Injected: an outcome and a prediction whose IDs hold the subject as a word; as a part of one it is another's."""
    log.write([[prediction("2017-11-01-100", "UA")], [prediction("2017-11-01-1001", "UA")]])
    log.write_outcomes([Outcome("2017-11-02-100", NOW, 1.0, NOW)])
    assert ids_that_name(log, "100") == ["2017-11-01-100", "2017-11-02-100"]


def test_a_subject_is_forgotten_with_its_outcomes(log: PredictionLog):
    """What is about one value goes, also where it is part of another row's text; everything else stays."""
    log.write([[prediction("about-it", "FORGET")], [prediction("not-about-it", "FORGETFUL")]])
    log.write_outcomes([Outcome("about-it", NOW, 1.0, NOW), Outcome("not-about-it", NOW, 1.0, NOW)])
    assert delete_subject(log, "carrier", "FORGET") == 1
    assert ids_of_subject(log, "carrier", "FORGET") == []
    assert log.find("about-it") is None
    assert log.find("not-about-it")
    assert log.write_outcomes([Outcome("about-it", NOW, 1.0, NOW)]) == (0, 1)


def traces(folder: Path, value: str) -> list[str]:
    return [file.name for file in folder.iterdir() if value.encode() in file.read_bytes()]


def test_a_forgotten_value_is_in_none_of_the_logs_bytes(tmp_path: Path):
    """Neither in the database nor in what was written ahead, and also where it was deleted before, by retention."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("old", "FORGOTTEN")._replace(answered_at="2012")], [prediction("new", "FORGOTTEN")]])
    log.write([[prediction(f"other-{number}")] for number in range(100)])
    assert pytest.importorskip("serving.extras.retention").delete_before(log, "2013") == 1
    assert traces(tmp_path, "FORGOTTEN")
    assert delete_subject(log, "carrier", "FORGOTTEN") == 1
    assert traces(tmp_path, "FORGOTTEN") == []
    assert log.find("other-99")
    log.close()


def test_what_somebody_still_reads_is_not_called_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Planted: a reader in the middle of its work keeps the bytes. It is said, and a second run succeeds."""
    monkeypatch.setattr("serving.log_connection.BUSY", 0.05)
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    log.write([[prediction("it", "FORGOTTEN")]])
    reader = sqlite3.connect(tmp_path / "predictions.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM predictions").fetchone()
    with pytest.raises(LogUnavailable, match="somebody reads the log: run it again"):
        delete_subject(log, "carrier", "FORGOTTEN")
    assert traces(tmp_path, "FORGOTTEN")
    reader.close()
    assert delete_subject(log, "carrier", "FORGOTTEN") == 0
    assert traces(tmp_path, "FORGOTTEN") == []
    log.close()


@pytest.mark.exhibit
def test_its_outcomes_are_known_and_its_subjects_forgotten(model: Model, log: PredictionLog):
    """An outcome of its row is no unknown one; who is forgotten goes with that row only."""
    said = asked(model, log, FLIGHTS)
    outcome = Outcome(said.request_ids()[3], "2013-11-01T14:00:00.000000Z", 20.0, "2013-11-01T14:00:00.000000Z")
    assert log.write_outcomes([outcome, outcome._replace(request_id="nobody-3")]) == (0, 1)
    subject = json.loads(Prediction(*said.rows()[0]).inputs)["tailnum"]
    assert said.request_ids()[0] in ids_of_subject(log, "tailnum", subject)
    assert delete_subject(log, "tailnum", subject) >= 1
    assert log.find(said.request_ids()[0]) is None
    assert ids_of_subject(log, "tailnum", subject) == []
    others = [row for row in said.rows() if json.loads(row[3])["tailnum"] != subject]
    assert log.find(others[0][0]) == Prediction(*others[0])


@pytest.mark.exhibit
def test_expansions_at_the_same_time_make_each_row_once(model: Model, log: PredictionLog):
    """Four of them work on the log at once: no row is missing, none is there twice, nobody fails."""
    names = [name for _ in range(5) for name in asked(model, log, FLIGHTS).request_ids()]
    failures: list[Exception] = []

    def read() -> None:
        try:
            own = PredictionLog(log.url)
            expand_batches(own)
            own.close()
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert failures == []
    there = [name for (name,) in log.rows("SELECT request_id FROM predictions", ())]
    assert sorted(name for name in there if name in set(names)) == sorted(names)
    assert waiting(log) == 0


KILLED = """
import os, signal, sqlite3, sys
from extras.privacy import forget_log
from serving import prediction_log, log_connection
class Killed(sqlite3.Connection):
    def commit(self):
        if self.in_transaction:
            os.kill(os.getpid(), signal.SIGKILL)
log_connection.Sqlite.factory = Killed
forget_log.expand_batches(prediction_log.PredictionLog(f"sqlite:///{sys.argv[1]}"))
"""


@pytest.mark.exhibit
def test_an_expansion_that_is_killed_leaves_the_batch_whole(model: Model, tmp_path: Path):
    """Killed between its rows and the commit: it is still one batch, and the next one makes all of its rows."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    asked(model, log, FLIGHTS)
    path = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "predictions.db")], env=path, check=False)
    assert killed.returncode == -9
    assert (waiting(log), log.rows("SELECT COUNT(*) FROM predictions")) == (1, [(0,)])
    expand_batches(log)
    assert log.rows("SELECT COUNT(*) FROM predictions") == [(len(FLIGHTS),)]
    opened = engine(log.url)
    assert count(opened) == len(FLIGHTS)
    opened.dispose()
    log.close()


@pytest.mark.exhibit
def test_without_the_transaction_a_killed_expansion_loses_it(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The positive control: with each statement committed by itself the same kill leaves neither batch nor rows."""
    log = PredictionLog(f"sqlite:///{tmp_path}/predictions.db")
    said = asked(model, log, FLIGHTS)
    log.cursor().connection.isolation_level = None

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(log, "insert", killed)
    with pytest.raises(KeyboardInterrupt):
        expand_batches(log)
    log.close()
    assert (waiting(log), log.find(said.request_ids()[0])) == (0, None)
    log.close()
