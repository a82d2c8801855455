import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from extras.drills import faults as drills
from flights.artifacts import read_json, write_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME, INPUTS, KEY, OUTCOMES
from flights.log_reader import counted_outcomes, engine, logged_predictions
from monitoring import replay
from tests.serving.published import publish_champion
from tests.serving.running import ROOT, Server, free_port, running

SPAN = ("2013-11-04", "2013-11-06")
TABLE = [KEY, *(column.name for column in (*INPUTS, *OUTCOMES))]


@pytest.fixture(scope="module")
def live(autumn: pd.DataFrame) -> pd.DataFrame:
    """The live split: November, a quarter of it."""
    return autumn.loc[autumn["day"] >= "2013-11-01", TABLE]


@pytest.fixture
def served(live: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A real server on a log of its own, beside the live split."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    write_parquet(Settings().splits_dir / "live.parquet", live)
    publish_champion(tmp_path / "3_models", 1, seed=1)
    with running(tmp_path) as server:
        server.wait()
        monkeypatch.setenv("PORT", server.url.rpartition(":")[2])
        yield server


def run(monkeypatch: pytest.MonkeyPatch, first: str, last: str, drill: str = "") -> replay.Place:
    """Replay a span and return the place that it kept."""
    monkeypatch.setattr(sys, "argv", ["replay", "--from", first, "--to", last, "--drill", drill])
    replay.main()
    return replay.Place(**read_json(Settings().data_dir / "4_predictions" / "replay.json", ""))


def expected(live: pd.DataFrame) -> tuple[int, int]:
    """How many flights of the span there are, and how many of their outcomes are known by its end."""
    start, end = replay.span(live, *SPAN)
    flights = live[(live[EVENT_TIME] >= start) & (live[EVENT_TIME] < end)]
    return len(flights), int((flights["outcome_known_at"] <= end).sum())


def test_a_span_is_local_and_includes_its_last_month(live: pd.DataFrame):
    """From the first local midnight to the one after the last day; nothing named means all of it."""
    assert [str(moment) for moment in replay.span(live, "2013-11", "2013-11")] == [
        "2013-11-01 04:00:00+00:00",
        "2013-12-01 05:00:00+00:00",
    ]
    assert [str(moment) for moment in replay.span(live, "", "")] == [
        "2013-11-01 04:00:00+00:00",
        "2013-12-02 05:00:00+00:00",
    ]


def test_a_span_without_flights_is_refused(live: pd.DataFrame):
    """The message says what there is."""
    with pytest.raises(ValueError, match="they run from 2013-11-01 to 2013-12-01"):
        replay.span(live, "2012-01", "2012-02")


def test_nothing_is_known_before_it_happened(live: pd.DataFrame):
    """Cancelled flights never get an outcome, the others not before they arrived, nor after the span's end."""
    start, end = replay.span(live, *SPAN)
    flights, outcomes = replay.traffic(live, start, end)
    assert flights["moment"].is_monotonic_increasing
    assert outcomes["outcome_known_at"].is_monotonic_increasing
    assert outcomes["outcome_known_at"].max() <= end
    cancelled = live.loc[live["arrival_delay"].isna(), KEY]
    assert not outcomes[KEY].isin(cancelled).any()
    both = outcomes.merge(flights, on=KEY)
    assert (both["outcome_known_at"] > both["moment"]).all()


def test_requests_hold_the_inputs_and_nothing_else(live: pd.DataFrame):
    """No outcome travels with a request; missing is null and the time has its zone."""
    flights, _ = replay.traffic(live, *replay.span(live, *SPAN))
    rows = replay.requests(flights)
    assert rows[0].keys() == {"request_id", *(column.name for column in INPUTS)}
    assert rows[0][EVENT_TIME].endswith("Z")
    assert any(row["previous_leg_delay"] is None for row in rows)


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
    words = [sys.executable, "-m", "monitoring.replay", "--from", SPAN[0], "--to", SPAN[1], "--speed", "40000"]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    process = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL)
    kept = tmp_path / "4_predictions" / "replay.json"
    deadline = time.monotonic() + 30
    while not kept.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert replay.Place(**read_json(kept, "")).now < str(replay.span(live, *SPAN)[1])
    place = run(monkeypatch, *SPAN)
    log = engine(Settings().log_url)
    assert len(logged_predictions(log)) == expected(live)[0] == place.predictions["200"]
    log.dispose()


def test_refused_rows_are_counted_and_hurt_nobody_else(
    served: Server, live: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A carrier that the contract does not know is refused alone, though it came in a batch with others."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 1)
    place = run(monkeypatch, *SPAN, "new-carrier")
    assert sum(place.predictions.values()) == expected(live)[0]
    assert 0 < place.predictions["422"] < 0.15 * place.predictions["200"]
    assert "refused with 422" in capsys.readouterr().out


def test_a_drill_that_would_plant_nothing_is_refused(
    live: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two weeks stay clean: a span of three days would say "under drill" and be none. Nothing is sent."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    write_parquet(Settings().splits_dir / "live.parquet", live)
    with pytest.raises(SystemExit, match="begins after 14 clean days: expected a longer span, got 3 days"):
        run(monkeypatch, *SPAN, "celsius")
    clean = replay.traffic(live, *replay.span(live, *SPAN))
    assert replay.practised(clean, "celsius", 15, 1) is not clean
    assert replay.practised(clean, "", 3, 1) is clean


def test_a_drill_on_days_that_were_answered_is_refused(
    served: Server, live: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    """Planted: the same days without a drill first. The altered rows would only be refused as conflicts."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 1)
    run(monkeypatch, *SPAN)
    with pytest.raises(SystemExit, match="a drill needs a fresh log"):
        run(monkeypatch, *SPAN, "celsius")
    first = run(monkeypatch, "2013-11-07", "2013-11-09", "celsius")
    assert set(first.predictions) == {"200"}
    assert run(monkeypatch, "2013-11-07", "2013-11-09", "celsius") == first  # the same replay may go on


def test_an_unknown_drill_is_refused(live: pd.DataFrame):
    """Planted: a typing error. The message names the drills that there are; no drill leaves the traffic alone."""
    clean = replay.traffic(live, *replay.span(live, *SPAN))
    with pytest.raises(SystemExit, match=r"expected one of feed-down, .*, got DRILL=feed-drown"):
        replay.practised(clean, "feed-drown", 30, 1)
    assert replay.practised(clean, "", 30, 1) is clean


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
    fresh = replay.Place("a", "b", "", "a", {}, {})
    path = tmp_path / "replay.json"
    path.write_text('{"start": "a", "end": "b", "drill": "celsius", "now": "x", "predictions": {}, "outcomes": {}}')
    assert replay.last_place(path, fresh) == fresh
    assert replay.last_place(path, replay.Place("a", "b", "celsius", "a", {}, {})).now == "x"
    path.write_text('{"start": "a", "en')
    assert replay.last_place(path, fresh) == fresh
