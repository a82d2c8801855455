import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from flights.artifacts import read_json, read_parquet, write_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME
from monitoring import monitor
from tests.monitoring.conftest import Logged, day
from tests.serving.running import ROOT

MONDAY = f"{pd.Timestamp(day(1)).to_period('W').start_time:%F}"  # of the first week
Monitored = Callable[..., tuple[int, dict]]


@pytest.fixture
def monitored(evidently: None, monkeypatch: pytest.MonkeyPatch) -> Monitored:
    """Run the monitor; returns its exit code and what it wrote for machines."""

    def run(now: str = "") -> tuple[int, dict]:
        monkeypatch.setenv("NOW", now)
        with pytest.raises(SystemExit) as stop:
            monitor.main()
        return int(stop.value.code), read_json(Settings().reports_dir / "decision.json", "")

    return run


@pytest.mark.filterwarnings("ignore")  # Evidently's own, of NumPy's and pandas' future
def test_a_clean_week_needs_nobody(logged: Logged, monitored: Monitored):
    """Ok, exit code 0, JSON without NaN for machines, and pages for people whose links all lead somewhere."""
    folder = logged(last=day(8)) / "5_reports"
    code, decision = monitored()
    assert (code, decision["action"], decision["act"]) == (0, "ok", False), decision["reasons"]
    text = (folder / "decision.json").read_text()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in decision.json"))
    pages = list(folder.rglob("*.html"))
    assert len(pages) == 5  # the index, two weeks, and Evidently's pictures of each
    for page in pages:
        links = re.findall(r'href="([^"#:]+)"', page.read_text()) if "evidently" not in page.name else []
        assert [link for link in links if not (page.parent / link).is_file()] == []


def test_two_monitors_do_not_write_one_report(
    a_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The second one says why it stops, and leaves nothing; the lock goes with the first one."""
    monkeypatch.setattr(sys, "argv", ["monitor"])
    lock = a_copy / "5_reports" / ".monitor.lock"
    with monitor.locked(lock), pytest.raises(SystemExit) as stop:
        monitor.main()
    assert stop.value.code == monitor.FAILED
    assert "another monitor writes" in capsys.readouterr().err
    with monitor.locked(lock):
        assert [path.name for path in lock.parent.iterdir()] == [lock.name]


KILLED = """
import os, runpy, signal, sys
place = sys.argv.pop()
def kill(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(place):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill)
runpy.run_module("monitoring.monitor", run_name="__main__")
"""


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", [f"{MONDAY}-evidently.html", "index.html", "decision.json"])
def test_a_killed_monitor_leaves_the_old_report(logged: Logged, monitored: Monitored, place: str):
    """SIGKILL as the decision, a page or the index takes its name: later ones stay whole, the next run tidies up."""
    folder = logged(last=day(5)) / "5_reports"
    monitored(f"{day(3)}T12:00Z")
    before = {name: (folder / name).read_bytes() for name in ("index.html", "decision.json")}
    environment = os.environ | {"PYTHONPATH": "src:.", "NOW": f"{day(5)}T12:00Z"}
    words = [sys.executable, "-c", KILLED, place]
    killed = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = before if place == "decision.json" else {"index.html": before["index.html"]}
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert torn(folder) != []  # what the dead one left
    monitored(f"{day(5)}T12:00Z")
    assert torn(folder) == []


def torn(folder: Path) -> list[str]:
    """Files that never got their name."""
    return [path.name for path in folder.rglob(".*") if path.name != ".monitor.lock"]


def failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the monitor, which cannot look: a code of its own, and no decision, though there was one."""
    decision = Settings().reports_dir / "decision.json"
    decision.parent.mkdir(exist_ok=True)
    decision.write_text('{"action": "ok"}')
    monkeypatch.setattr(sys, "argv", ["monitor"])
    with pytest.raises(SystemExit) as stop:
        monitor.main()
    assert stop.value.code == monitor.FAILED == 2
    assert not decision.exists()


def test_without_a_champion_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Nothing was trained: the message names the command."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    failed(monkeypatch)
    assert "make train" in capsys.readouterr().err


def test_without_predictions_it_says_what_to_run(
    a_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Nothing was asked: the message names the commands, and no decision is left."""
    failed(monkeypatch)
    assert "make serve" in capsys.readouterr().err


def test_a_run_that_fails_leaves_no_decision(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Planted: a champion without its reference's columns. It is neither "ok" nor "act", and says where it broke."""
    folder = logged(last=day(3))
    reference = folder / "3_models" / "flights" / "1" / "reference.parquet"
    write_parquet(reference, read_parquet(reference, "").drop(columns=EVENT_TIME))
    failed(monkeypatch)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "value", ["yesterday", "0001-01-01", "999999-01-01", "9999-12-31", "1677-01-01", "2262-12-31", "1970-12-31", "NaT"]
)
def test_a_malformed_moment_is_one_line(
    a_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
):
    """Words, and moments beyond what Python's, NumPy's or pandas' clock can count to: one line, at once."""
    monkeypatch.setenv("NOW", value)
    failed(monkeypatch)
    assert capsys.readouterr().err == (
        f"NOW={value}: expected a day or moment in ISO 8601, 1971 to 2199, as 2013-12-01T05:00Z\n"
    )


@pytest.mark.parametrize("value", ["1971-01-01", "1987-06-05", "1999-12-31T23:59Z"])
def test_a_moment_before_the_log_says_what_the_log_holds(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
):
    """The log has rows, so a server that should be started is no advice."""
    logged(last=day(2))
    monkeypatch.setenv("NOW", value)
    failed(monkeypatch)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"NOW={value[:10]}")
    assert f"the log's rows are of {day(1)[:4]}" in line
    assert line.endswith("choose a later NOW")


def test_a_report_that_fails_leaves_the_decision(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Planted: a plug-in that raises. It is named, and the exit code is the decision's."""

    def write(folder: Path, found: object) -> None:
        raise OSError("no space left")

    logged(last=day(3))
    plugin = SimpleNamespace(__name__="broken", write=write)
    monkeypatch.setattr(monitor, "load_plugins", lambda _: [plugin])
    monkeypatch.setattr(sys, "argv", ["monitor"])
    with pytest.raises(SystemExit) as stop:
        monitor.main()
    assert stop.value.code is False
    assert "broken failed; the decision is still valid" in capsys.readouterr().err
    assert read_json(Settings().reports_dir / "decision.json", "")["action"] == "ok"
