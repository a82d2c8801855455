import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from flights.artifacts import read_json
from flights.config import Settings
from flights.predictions import engine
from monitoring import drills, monitor
from tests.monitoring.conftest import Logged

Monitored = Callable[..., tuple[int, dict]]


@pytest.fixture
def monitored(evidently: None, monkeypatch: pytest.MonkeyPatch) -> Monitored:
    """Run the monitor; returns its exit code and what it wrote for machines."""

    def run(now: str = "") -> tuple[int, dict]:
        monkeypatch.setattr(sys, "argv", ["monitor", "--now", now])
        with pytest.raises(SystemExit) as stop:
            monitor.main()
        return int(stop.value.code), read_json(Settings().reports_dir / "decision.json", "")

    return run


@pytest.mark.filterwarnings("ignore")  # Evidently's own, of NumPy's and pandas' future
def test_a_clean_month_needs_nobody(logged: Logged, monitored: Monitored):
    """Three real weeks: ok, exit code 0, every prediction accounted for, and every promise compared."""
    folder = logged(last="2013-11-21")
    code, decision = monitored()
    assert (code, decision["action"], decision["act"]) == (0, "ok", False), decision["reasons"]
    counts = decision["ledger"]
    assert counts["predictions"] == counts["labelled"] + counts["waiting"] + counts["expired"] > 2000
    assert {row["metric"] for row in decision["promises"]} >= {"roc_auc", "brier", "calibration_error"}
    assert (folder / "5_reports" / "index.html").is_file()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("drill", "action", "figure"),
    [
        ("feed-down", "fix the feed", "weather: missing beyond the usual"),
        ("feed-stuck", "fix the feed", "weather: stuck"),
        ("utc-hour", "fix the feed", "hour of day: drift"),
        ("new-carrier", "fix the feed", "outcomes never asked about"),
        ("label-flips", "relabel", "contradictory outcomes"),
        ("doubled", "watch", "traffic"),
    ],
)
def test_a_fault_is_seen_on_its_third_day(
    logged: Logged, monitored: Monitored, monkeypatch: pytest.MonkeyPatch, drill: str, action: str, figure: str
):
    """Each fault leads to its action, by its own watch, three full days after it began."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 7)
    logged(last="2013-11-14", drill=drill)
    code, decision = monitored()
    assert decision["action"] == action, decision["reasons"]
    assert code == (action != "watch")
    alarm = next(alarm for alarm in decision["alarms"] if alarm["figure"] == figure)
    assert "2013-11-09" <= alarm["first"] <= "2013-11-11"


def test_an_old_model_is_due(logged: Logged, monitored: Monitored):
    """A month after the data that it learned from ended, the model is trained again."""
    logged(first="2013-11-28", last="2013-12-01")
    code, decision = monitored()
    assert (code, decision["action"]) == (1, "retrain")


def test_the_past_can_be_looked_at(logged: Logged, monitored: Monitored):
    """NOW moves the moment back: what became known later is not there yet."""
    logged(last="2013-11-05")
    _, later = monitored()
    _, earlier = monitored("2013-11-03T12:00Z")
    assert earlier["ledger"]["labelled"] < later["ledger"]["labelled"]


def test_unreadable_rows_are_counted_and_passed_over(logged: Logged, monitored: Monitored):
    """A torn line in the log costs itself and nothing else."""
    logged(last="2013-11-05")
    log = engine(Settings().log_url)
    with log.begin() as connection:
        connection.execute(sa.text("UPDATE predictions SET inputs = substr(inputs, 1, 40) WHERE rowid IN (5, 6)"))
        connection.execute(sa.text("UPDATE predictions SET event_time = 'yesterday' WHERE rowid = 7"))
    log.dispose()
    code, decision = monitored()
    assert code == 0
    assert decision["ledger"]["unreadable"] == 2


def test_duplicate_and_corrected_outcomes_count_once(logged: Logged, monitored: Monitored):
    """The same outcome twice, and one corrected later: each prediction keeps one label."""
    logged(last="2013-11-05")
    _, before = monitored()
    log = engine(Settings().log_url)
    with log.begin() as connection:
        connection.execute(sa.text("INSERT INTO outcomes SELECT * FROM outcomes"))
    log.dispose()
    _, after = monitored()
    assert after["ledger"] == before["ledger"]


def test_without_a_champion_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing was trained: the message names the command."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["monitor"])
    with pytest.raises(SystemExit, match="make train"):
        monitor.main()


def test_without_predictions_it_says_what_to_run(a_copy: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing was asked: the message names the commands, and no decision is left."""
    monkeypatch.setattr(sys, "argv", ["monitor"])
    with pytest.raises(SystemExit, match="make serve"):
        monitor.main()
    assert not (a_copy / "5_reports" / "decision.json").exists()


def test_the_decision_is_plain_json(logged: Logged, monitored: Monitored):
    """Machines need no NaN."""
    folder = logged(last="2013-11-03")
    monitored()
    text = (folder / "5_reports" / "decision.json").read_text()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in decision.json"))
