"""Nothing acknowledged is lost, whatever happens to the server; without the defence the same fault loses something."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from flights.log_reader import engine, logged_predictions
from flights.registry import Model, promote, rollback
from serving.request import example
from tests.serving import running as service
from tests.serving.ledger import Ledger, Load, broken_promises, logged_names
from tests.serving.postgres import MISSING, postgres
from tests.serving.published import publish_champion
from tests.serving.running import Server, running, start

pytestmark = pytest.mark.heavy

KILLS = 50
LOG = Path("4_predictions", "predictions.db")

# The server as it would be if it logged in the background: the defence that the positive control switches off.
CARELESS = """
import time
from concurrent.futures import ThreadPoolExecutor
from serving import app, prediction_log
write = prediction_log.PredictionLog.write
background = ThreadPoolExecutor(1)
def later(self, requests):
    background.submit(time.sleep, 0.05)
    background.submit(write, self, requests)
    return list(requests)
prediction_log.PredictionLog.write = later
app.main()
"""


@pytest.fixture
def champion(tmp_path: Path) -> Model:
    return publish_champion(tmp_path / "3_models", 1, seed=1)


def killed_under_load(server: Server, ledger: Ledger, name: str, seconds: float) -> None:
    server.wait()
    with Load(server.url, 8, ledger, name):
        time.sleep(seconds)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()


def test_fifty_kills_under_load_lose_nothing(tmp_path: Path, champion: Model):
    """Each acknowledged prediction, alone or in a batch, is in the log once, nothing else; scored again it agrees."""
    ledger = Ledger()
    moments = random.Random(2013)
    for kill in range(KILLS):
        killed_under_load(start(tmp_path), ledger, f"kill-{kill}", moments.uniform(0.05, 0.5))
    assert len(ledger.told) > KILLS * 10
    assert len(ledger.told.keys() - ledger.asked) > KILLS * 10  # in batches
    assert broken_promises(ledger, tmp_path / LOG, [champion]) == []


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers of this test be the careless one."""
    instead_of_ours(monkeypatch, CARELESS)


def instead_of_ours(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let servers of this test run other code."""
    popen = subprocess.Popen

    def started(command: list[str], **options):
        ours = command[-2:] == ["-m", "serving.app"]
        return popen([sys.executable, "-c", code] if ours else command, **options)

    monkeypatch.setattr(service.subprocess, "Popen", started)


def test_a_server_that_logs_later_loses_predictions(tmp_path: Path, champion: Model, careless: None):
    """The positive control: the same fault, the same ledger, and answers that leave before their commit."""
    ledger = Ledger()
    for kill in range(3):
        killed_under_load(start(tmp_path), ledger, f"kill-{kill}", 0.6)
    assert any("not in the log" in line for line in broken_promises(ledger, tmp_path / LOG, [champion]))


# The server as it would be if SQLite left its commits to the operating system.
UNSYNCED = """
from serving import app, log_connection
connect = log_connection.Sqlite.connect
def unsynced(self):
    connection = connect(self)
    connection.execute("PRAGMA synchronous = OFF")
    return connection
log_connection.Sqlite.connect = unsynced
app.main()
"""


def calls(server: Server, folder: Path) -> list[str]:
    """The system calls of one prediction, from its arrival to its answer: what was synced and sent."""
    server.wait()
    httpx.post(f"{server.url}/predict", json=example()).raise_for_status()  # the log is open
    output = folder / "calls"
    traced = "trace=fsync,fdatasync,read,recvfrom,write,writev,sendto,sendmsg"
    command = ["strace", "-f", "-s", "16", "-e", traced, "-o", str(output), "-p", str(server.process.pid)]
    tracing = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert tracing.stderr
        tracing.stderr.readline()  # attached
        httpx.post(f"{server.url}/predict", json=example(), timeout=30).raise_for_status()
    finally:
        tracing.terminate()
        tracing.communicate(timeout=20)
    lines = output.read_text().splitlines()
    asked = next(place for place, line in enumerate(lines) if '"POST /predict' in line)
    answered = next(place for place, line in enumerate(lines) if '"HTTP/1.1 200' in line)
    return lines[asked:answered]


def test_a_prediction_is_synced_to_the_disk_before_it_is_answered(tmp_path: Path, champion: Model):
    """Seen from outside: between reading a request and writing its answer the process asks the disk to keep the log."""
    with running(tmp_path) as server:
        assert any("fsync(" in call or "fdatasync(" in call for call in calls(server, tmp_path))


def test_without_full_synchronisation_nothing_asks_the_disk(
    tmp_path: Path, champion: Model, monkeypatch: pytest.MonkeyPatch
):
    """The positive control: the same server with SQLite's synchronisation off answers without it."""
    instead_of_ours(monkeypatch, UNSYNCED)
    with running(tmp_path) as server:
        assert not any("sync(" in call for call in calls(server, tmp_path))


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_kills_under_load_lose_nothing_in_postgresql(tmp_path: Path, champion: Model):
    """The same promise with the other database: five kills, then all that was acknowledged is there once."""
    ledger = Ledger()
    with postgres() as database:
        for kill in range(5):
            killed_under_load(start(tmp_path, PREDICTIONS_URL=database.url), ledger, f"kill-{kill}", 0.5)
        assert len(ledger.told) > 20
        assert broken_promises(ledger, database.url, [champion]) == []


def test_a_stop_under_load_loses_nothing_and_answers_what_it_took(tmp_path: Path, champion: Model):
    """SIGTERM drains: what was taken is answered and logged, and the process ends by itself."""
    ledger = Ledger()
    for stop in range(5):
        server = start(tmp_path)
        server.wait()
        with Load(server.url, 16, ledger, f"stop-{stop}"):
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(20) in {0, -signal.SIGTERM}
    assert broken_promises(ledger, tmp_path / LOG, [champion]) == []
    assert not (ledger.asked - set(ledger.told)) & logged_names(tmp_path / LOG)
    assert not {failure for failure in ledger.failures if failure.isdecimal()}  # a closed door, never a bad answer


def test_fifty_swaps_under_load_fail_no_request(tmp_path: Path, champion: Model):
    """Promotions and rollbacks under 64 connections: no failed request, and every answer names who made it."""
    models_dir = tmp_path / "3_models"
    second = publish_champion(models_dir, 2, seed=2)
    ledger = Ledger()
    with running(tmp_path, FOLLOW_SECONDS="0.05") as server:
        server.wait()
        with Load(server.url, 64, ledger, "swap", pause=0.05):
            for swap in range(50):
                if swap % 2 == 0:
                    rollback(models_dir)
                else:
                    promote(models_dir, 2, expected=1)
                expected = 1 if swap % 2 == 0 else 2
                for _ in range(2000):
                    if httpx.get(f"{server.url}/model").json()["version"] == expected:
                        break
                    time.sleep(0.01)
                else:
                    raise AssertionError(f"version {expected} never answered")
    assert not ledger.failures
    assert set(ledger.versions.values()) == {1, 2}
    assert broken_promises(ledger, tmp_path / LOG, [champion, second]) == []


def test_a_reader_of_batches_costs_no_request(tmp_path: Path, champion: Model):
    """While a reader expands thousands of them in memory, the server answers and logs as ever."""
    ledger = Ledger()
    with running(tmp_path) as server:
        server.wait()
        with Load(server.url, 8, ledger, "read"):
            for _ in range(5):
                time.sleep(1)
                logged_predictions(engine(f"sqlite:///{tmp_path / LOG}"), inputs=True)
    assert not ledger.failures
    assert broken_promises(ledger, tmp_path / LOG, [champion]) == []


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 64 MB for a block."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("expected the right to mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_refuses_and_recovers(tmp_path: Path):
    """Where nothing can be written predictions are refused and readiness is false; room brings both back."""
    with small_disk(tmp_path) as disk:
        model = publish_champion(tmp_path / "3_models", 1, seed=1)
        with running(tmp_path, PREDICTIONS_URL=f"sqlite:///{disk}/predictions.db") as server:
            server.wait()
            filler = disk / "filler"
            ledger = Ledger()
            with Load(server.url, 8, ledger, "disk"):
                time.sleep(0.5)
                fill(filler)
                server.wait("/health/ready", 503)
                time.sleep(0.5)
                filler.unlink()
                server.wait("/health/ready", 200)
                before = len(ledger.told)
                time.sleep(0.5)
            assert len(ledger.told) > before
            assert set(ledger.failures) == {"503"}
            assert httpx.post(f"{server.url}/predict", json=example() | {"request_id": "x"}).status_code == 200
        ledger.asked.add("x")
        assert broken_promises(ledger, disk / "predictions.db", [model]) == []


def test_a_read_only_log_refuses_from_the_start_and_recovers(tmp_path: Path, champion: Model):
    """Nothing is answered and readiness is false before anybody asked; writable again, both come back by themselves."""
    with small_disk(tmp_path) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with running(tmp_path, PREDICTIONS_URL=f"sqlite:///{disk}/predictions.db") as server:
            server.wait("/health/ready", 503)
            assert httpx.post(f"{server.url}/predict", json=example()).status_code == 503
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            server.wait("/health/ready", 200)
            ledger = Ledger()
            with Load(server.url, 4, ledger, "writable"):
                time.sleep(0.5)
        assert ledger.told
        assert broken_promises(ledger, disk / "predictions.db", [champion]) == []


def test_a_server_that_logs_later_loses_predictions_on_a_full_disk(tmp_path: Path, champion: Model, careless: None):
    """The positive control: it goes on answering, and what it answered is nowhere."""
    with small_disk(tmp_path) as disk:
        with running(tmp_path, PREDICTIONS_URL=f"sqlite:///{disk}/predictions.db") as server:
            server.wait()
            fill(disk / "filler")
            ledger = Ledger()
            with Load(server.url, 8, ledger, "disk"):
                time.sleep(1)
            (disk / "filler").unlink()
        assert any("not in the log" in line for line in broken_promises(ledger, disk / "predictions.db", [champion]))


def fill(filler: Path) -> None:
    """Leave no room."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
