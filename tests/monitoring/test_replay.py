import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from flights.artifacts import read_json, write_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME, OUTCOME_TIME
from flights.log_reader import counted_outcomes, engine, logged_predictions
from monitoring import replay
from monitoring.traffic import period
from tests.monitoring.conftest import day
from tests.serving.published import publish_champion
from tests.serving.running import ROOT, Server, free_port, running

SPAN = (day(4), day(6))


@pytest.fixture
def served(live: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A real server on a log of its own, next to the live split."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    write_parquet(Settings().splits_dir / "live.parquet", live)
    publish_champion(tmp_path / "3_models", 1, seed=1)
    with running(tmp_path) as server:
        server.wait()
        monkeypatch.setenv("PORT", server.url.rpartition(":")[2])
        yield server


def run(monkeypatch: pytest.MonkeyPatch, first: str, last: str, drill: str = "") -> replay.ReplayState:
    """Replay a period and return the state that it kept."""
    for name, value in (("FROM", first), ("TO", last), ("DRILL", drill)):
        monkeypatch.setenv(name, value)
    replay.main()
    return replay.ReplayState(**read_json(Settings().data_dir / "4_predictions" / "replay.json", ""))


def expected(live: pd.DataFrame) -> tuple[int, int]:
    """How many flights of the span there are, and how many of their outcomes are known by its end."""
    start, end = period(live, *SPAN)
    flights = live[(live[EVENT_TIME] >= start) & (live[EVENT_TIME] < end)]
    return len(flights), int((flights[OUTCOME_TIME] <= end).sum())


def test_everything_reaches_the_log_once(served: Server, live: pd.DataFrame, monkeypatch: pytest.MonkeyPatch):
    """Every flight and every outcome of the span is in the log exactly once; a second run has nothing to do."""
    first = run(monkeypatch, *SPAN)
    again = run(monkeypatch, *SPAN)
    flights, outcomes = expected(live)
    assert first == again
    assert first.predictions == {"200": flights}
    log = engine(Settings().log_url)
    assert len(logged_predictions(log)) == flights
    known = counted_outcomes(log)
    assert known["request_id"].isin(logged_predictions(log)["request_id"]).sum() == outcomes
    log.dispose()


def test_a_killed_replay_goes_on_where_it_stopped(
    served: Server, live: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SIGKILL in the middle: the next run sends the rest, and nothing is in the log twice or missing."""
    words = {"FROM": SPAN[0], "TO": SPAN[1], "SPEED": "40000", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-m", "monitoring.replay"]
    process = subprocess.Popen(command, env=os.environ | words, stdout=subprocess.DEVNULL)
    kept = tmp_path / "4_predictions" / "replay.json"
    deadline = time.monotonic() + 30
    while not kept.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert replay.ReplayState(**read_json(kept, "")).now < str(period(live, *SPAN)[1])
    place = run(monkeypatch, *SPAN)
    log = engine(Settings().log_url)
    assert len(logged_predictions(log)) == expected(live)[0] == place.predictions["200"]
    log.dispose()


def test_without_a_server_it_says_what_to_run(live: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody listens: the message names the command, and no place is kept."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PORT", str(free_port()))
    write_parquet(Settings().splits_dir / "live.parquet", live)
    with pytest.raises(SystemExit, match="make serve"):
        run(monkeypatch, *SPAN)
    assert not (tmp_path / "4_predictions" / "replay.json").exists()


def test_another_drill_is_another_replay(tmp_path: Path):
    """A kept place counts for the same span and drill only; a torn one counts for nothing."""
    fresh = replay.ReplayState("a", "b", "", "a", {}, {})
    path = tmp_path / "replay.json"
    path.write_text('{"start": "a", "end": "b", "drill": "celsius", "now": "x", "predictions": {}, "outcomes": {}}')
    assert replay.saved_state(path, fresh) == fresh
    assert replay.saved_state(path, replay.ReplayState("a", "b", "celsius", "a", {}, {})).now == "x"
    path.write_text('{"start": "a", "en')
    assert replay.saved_state(path, fresh) == fresh
