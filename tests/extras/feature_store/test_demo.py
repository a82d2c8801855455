"""The demo as one runs it: a real process that serves and replays a day, and of which nothing is left at the end."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.serving.published import publish_champion
from tests.serving.running import ROOT, free_port

pytestmark = pytest.mark.exhibit

FAST = {"DAY": "2013-07-09", "BEGIN": "08:00", "SPEED": "2000", "HISTORY_DAYS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with a champion."""
    made = tmp_path_factory.mktemp("demo")
    publish_champion(made / "3_models", 1, seed=1)
    return made


def demo(folder, port, **settings):
    """The demo as a process."""
    environment = os.environ | FAST | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "TMPDIR": str(folder)}
    environment |= {"DATA_DIR": str(folder), "PORT": str(port)} | settings
    command = [sys.executable, "-m", "extras.feature_store.demo"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def children(process):
    """The processes that a process started."""
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


def ended(process, folder):
    """What it printed; it left neither a process nor a file."""
    (child,) = children(process)
    process.send_signal(process.planned)
    output, errors = process.communicate(timeout=180)
    assert (process.returncode, errors) == (0, "")
    assert not Path(f"/proc/{child}").exists()
    assert list(folder.glob("ml-loop-demo-*")) == []
    assert [path for path in folder.rglob("*") if path.is_file() and "3_models" not in path.parts] == []
    return output


def test_a_day_is_replayed_until_ctrl_c(folder):
    """The address, flights with their risks, a clock that runs, outcomes; then Ctrl-C."""
    port = free_port()
    with demo(folder, port) as process:
        process.planned = signal.SIGINT
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert f"open http://127.0.0.1:{port}/" in lines[1]
        boards = []
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (boards and any(has_outcome(each) for each in boards)):
            boards.append(httpx.get(f"http://127.0.0.1:{port}/board/flights?period=past", timeout=30).json())
            time.sleep(0.2)
        assert boards[0]["now"] < boards[-1]["now"]
        assert has_outcome(boards[-1])
        output = ended(process, folder)
    assert output.splitlines()[-1] == "demo      ended"


def has_outcome(board):
    """Whether a flight that was predicted has arrived."""
    return any(flight["risk"] is not None and flight["arrival_delay"] is not None for flight in board["flights"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_it_as_well(folder, number):
    """Of `kill` and of a closed terminal, while the server starts."""
    with demo(folder, free_port()) as process:
        process.planned = number
        while not children(process):
            assert process.poll() is None
            time.sleep(0.05)
        ended(process, folder)


def test_a_used_port_is_one_line(folder):
    """It names another port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(folder, port) as process:
            output, errors = process.communicate(timeout=180)
    assert (process.returncode, output) == (1, "")
    assert errors.count("\n") == 1
    assert f"make demo PORT={port + 1}" in errors


def test_a_missing_champion_is_one_line(tmp_path):
    """It names the command."""
    with demo(tmp_path, free_port()) as process:
        output, errors = process.communicate(timeout=180)
    assert (process.returncode, output, errors.count("\n")) == (1, "", 1)
    assert "`make train`" in errors
