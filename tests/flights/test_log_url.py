"""One function makes the log's URL and one reads it: the server's writer and the readers open the same file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flights.config import Settings
from flights.log_reader import engine
from flights.log_url import file_url, read_url
from serving.prediction_log import PredictionLog

FOLDERS = ["100%25", "My%20Project", "my data", "a#b", "what?", "Über", "~x+y;z&=", "%", "%zz"]


@pytest.mark.parametrize("name", FOLDERS)
def test_writer_and_reader_open_the_same_file(tmp_path, monkeypatch, name):
    """Injected: a data folder whose name has characters that mean something in a URL."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / name))
    url = Settings.read().log_url
    log = PredictionLog(url)
    assert log.check()
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert engine(url).url.database == str(tmp_path / name / "4_predictions" / "predictions.db")


def test_a_name_that_is_no_text_survives():
    """A path on Linux is bytes: those that are not UTF-8 come back as they were."""
    path = Path(os.fsdecode(b"/data/\xff\xfe/log.db"))
    assert read_url(file_url(path)) == path


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_the_same(scheme):
    """Both read it with the driver's own parser, so a password's characters mean the same to both."""
    assert read_url(f"{scheme}://me:p%40ss@host:5432/log") == "postgresql://me:p%40ss@host:5432/log"


@pytest.mark.parametrize("url", ["mysql://me:secret@h/d", "predictions.db", "sqlite://", "sqlite:///x.db?mode=ro",
                                 "sqlite:///:memory:", "http://h"])  # fmt: skip
def test_another_kind_of_database_is_one_line(monkeypatch, url):
    """Injected: a URL that nobody here reads. The line names the variable and what is allowed, and no password."""
    monkeypatch.setenv("PREDICTIONS_URL", url)
    with pytest.raises(SystemExit) as refusal:
        Settings.read()
    assert str(refusal.value).startswith("PREDICTIONS_URL=...: ")
    assert "expected sqlite:///" in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("module", ["serving.app", "monitoring.monitor"])
def test_server_and_monitor_reject_it_alike(tmp_path, module):
    """Both processes end with that line, before they do anything."""
    settings = {"PREDICTIONS_URL": "mysql://h/d", "DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("PREDICTIONS_URL=...: got a URL of 'mysql', expected sqlite:///")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
