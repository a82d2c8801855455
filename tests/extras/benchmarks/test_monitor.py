"""What monitoring costs is told of monitors that did their work, on logs that grow as they are said to."""

import os

import pytest

from extras.benchmarks import monitor
from flights.config import Settings
from flights.log_reader import count, counted_outcomes, engine, logged_predictions

pytestmark = pytest.mark.exhibit


@pytest.fixture
def log(a_copy):
    """The log of a replay of all live days."""
    monitor.write_log(Settings())
    opened = engine(Settings().log_url)
    yield opened
    opened.dispose()


def test_copies_on_the_same_days_and_before_them(log):
    """Other names, every outcome with its prediction; on the same days, or this many days earlier."""
    first, rows, outcomes = logged_predictions(log), count(log), len(counted_outcomes(log))
    monitor.add_copy(log, 1, 0)
    assert (count(log), len(counted_outcomes(log))) == (2 * rows, 2 * outcomes)
    monitor.add_copy(log, 2, monitor.LIVE_DAYS)
    grown = logged_predictions(log)
    assert len(grown) == 3 * rows
    assert len(counted_outcomes(log)) == 3 * outcomes
    assert (first["event_time"].min() - grown["event_time"].min()).days == monitor.LIVE_DAYS
    assert grown["event_time"].max() == first["event_time"].max()


def test_a_monitor_that_fails_is_no_cost(tmp_path, capfd):
    """Planted: a folder without a champion, with a decision of an earlier look in it. No time is told."""
    (tmp_path / "5_reports").mkdir()
    (tmp_path / "5_reports" / "decision.json").write_text("{}")
    with pytest.raises(SystemExit, match="failed: see above"):
        monitor.cost("monitoring.monitor", os.environ | {"DATA_DIR": str(tmp_path)})
    assert "make train" in capfd.readouterr().err


@pytest.mark.heavy
def test_the_cost_of_a_longer_log_is_told(log, capsys):
    """The real monitor, on the live days and on twice as many."""
    environment = os.environ | {"DATA_DIR": str(Settings().data_dir)}
    monitor.growth(environment, older=True, times=(1, 2))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(" s of the processor" in line for line in lines)
