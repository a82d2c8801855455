import json
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from extras.drills import faults as drills
from extras.drills.alarms import BAD_VERSION
from flights.artifacts import read_json, write_json
from flights.config import Settings
from flights.predictions import engine
from flights.registry import model_folder
from monitoring import performance
from monitoring.decide import TREE
from monitoring.findings import findings, trained_lately
from monitoring.report import alarm_records
from monitoring.watch import fires
from tests.monitoring.conftest import Logged
from tests.serving.running import ROOT

pytestmark = pytest.mark.exhibit


def altered(*statements: str) -> None:
    """Change the log behind everybody's back."""
    log = engine(Settings().log_url)
    with log.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    log.dispose()


@pytest.fixture
def an_eighth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for the noise of an eighth of the flights: the ROC-AUC of 350 late ones moves by 0.02 more."""
    monkeypatch.setattr(performance, "MOST_SHORTFALL", performance.MOST_SHORTFALL + 0.02)


@pytest.mark.ml_test_score("O4")
def test_three_clean_weeks_are_ok(logged: Logged, an_eighth: None):
    """Real flights, a real model: no alarm, every prediction accounted for, every promise compared."""
    logged(last="2013-11-21")
    found = findings(Settings())
    assert found.decision.action == "ok", found.decision.reasons
    counts = found.ledger
    assert counts["predictions"] == counts["labelled"] + counts["waiting"] + counts["expired"] > 2000
    assert {row["metric"] for row in found.promises} >= {"roc_auc", "brier", "calibration_error"}


MEASURED = read_json(ROOT / "docs" / "alarms.json", "run `make alarms`")
SOON = [
    ("feed-down", "fix the feed", "weather: missing beyond the usual"),
    ("feed-stuck", "fix the feed", "weather: stuck"),
    ("celsius", "fix the feed", "weather: discord"),
    ("utc-hour", "fix the feed", "hour of day: drift"),
    ("new-carrier", "fix the feed", "outcomes never asked about"),
    ("label-flips", "relabel", "contradictory outcomes"),
    ("labels-stop", "relabel", "without outcome"),
    ("doubled", "watch", "traffic"),
    ("new-airport", "watch", "texts never seen before"),
]
LATER = [("slower", "recalibrate"), ("new-world", "retrain")]


def test_what_the_docs_say_is_what_a_small_run_finds():
    """All flights under every drill, as `make alarms` left it, end where an eighth of them does here."""
    drilled = {drill: found["action"] for drill, found in MEASURED["drills"].items()}
    assert set(drilled) == {"", *drills.DRILLS, BAD_VERSION}
    assert drilled[""] == "ok"
    assert drilled | dict([row[:2] for row in SOON] + LATER) == drilled
    assert all(figure in MEASURED["drills"][drill]["days_to_alarm"] for drill, _, figure in SOON)


def test_every_end_of_the_tree_has_a_drill():
    """Nothing, watch, and each action is where some drill ends; a log that nobody can read is torn by a test below."""
    ends = {found["action"] for found in MEASURED["drills"].values()}
    assert ends | {"ask a person"} == {"ok", *(action for _, action, _ in TREE)}


def test_clean_days_call_nobody():
    """At most one clean day in a hundred, of two hundred and more."""
    clean = MEASURED["clean"]
    assert clean["days"] >= 200
    assert clean["days_to_act"] <= 0.01 * clean["days"]


@pytest.mark.parametrize(("drill", "action", "figure"), SOON)
def test_a_fault_is_seen_on_its_third_day(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, drill: str, action: str, figure: str
):
    """Each fault leads to its action, by its own watch, three full days after it began."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 7)
    logged(last="2013-11-14", drill=drill)
    found = findings(Settings())
    assert found.decision.action == action, found.decision.reasons
    first = next(alarm["first"] for alarm in alarm_records(found.watches) if alarm["figure"] == figure)
    assert "2013-11-09" <= first <= "2013-11-11"


@pytest.mark.parametrize(("drill", "action"), LATER)
def test_a_changed_world_is_seen_by_its_outcomes(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, drill: str, action: str
):
    """All inputs are sound and the outcomes consistent, so it is the model that no longer fits."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 5)
    logged(last="2013-11-30", drill=drill)
    assert findings(Settings()).decision.action == action


@pytest.mark.ml_test_score(
    "O4", injects="A month after the data that it learned from ended, the model is trained again"
)
def test_an_old_model_is_due(logged: Logged):
    """A month after the data that it learned from ended, the model is trained again."""
    logged(first="2013-11-28", last="2013-12-01")
    assert findings(Settings()).decision.action == "retrain"


def test_the_backtest_says_when_a_model_is_due(logged: Logged):
    """Five days are too old once the backtest has found that weekly training pays, and only then."""
    logged(last="2013-11-07")
    assert findings(Settings()).decision.action == "ok"
    write_json(Settings().reports_dir / "cadence.json", {"recommended": "weekly", "greatest_age_days": 4})
    assert findings(Settings()).decision.action == "retrain"


def test_the_past_can_be_looked_at(logged: Logged):
    """Looking back from an earlier moment, what was asked or became known later is not there yet."""
    logged(last="2013-11-05")
    moment = pd.Timestamp("2013-11-03T12:00Z")
    earlier, later = findings(Settings(), moment), findings(Settings())
    assert earlier.ledger["labelled"] < later.ledger["labelled"]
    assert earlier.ledger["predictions"] < later.ledger["predictions"]
    assert earlier.days.max() == pd.Timestamp("2013-11-03")


def test_unreadable_rows_are_counted_and_passed_over(logged: Logged):
    """A torn line in the log costs itself and nothing else."""
    logged(last="2013-11-05")
    altered(
        "UPDATE predictions SET inputs = substr(inputs, 1, 40) WHERE rowid IN (5, 6)",
        "UPDATE predictions SET event_time = 'yesterday' WHERE rowid = 7",
    )
    found = findings(Settings())
    assert found.ledger["unreadable"] == 2
    assert found.decision.action == "ok", found.decision.reasons


def test_a_torn_row_in_a_judged_week_costs_itself(logged: Logged):
    """Once there are enough days to judge quality by slice, too: one row is passed over, and nobody is called."""
    logged(last="2013-11-10")
    altered("UPDATE predictions SET inputs = substr(inputs, 1, 40) WHERE rowid = 50")
    found = findings(Settings())
    assert found.promises
    assert found.ledger["unreadable"] == 1
    assert found.decision.action == "ok", found.decision.reasons


def test_a_log_that_nobody_can_read_asks_a_person(logged: Logged):
    """Every row torn: a healthy champion is not rolled back, and what cannot be looked at is not called ok."""
    logged(last="2013-11-10")
    altered("UPDATE predictions SET inputs = substr(inputs, 1, 40)")
    found = findings(Settings())
    assert found.ledger["unreadable"] == found.ledger["predictions"]
    assert (found.decision.action, found.decision.act) == ("ask a person", True)
    assert found.decision.reasons[0].startswith("unreadable inputs is 1 share")


def test_duplicate_outcomes_count_once(logged: Logged):
    """Every outcome twice: each prediction keeps one label."""
    logged(last="2013-11-05")
    before = findings(Settings()).ledger
    altered("INSERT INTO outcomes SELECT * FROM outcomes")
    assert findings(Settings()).ledger == before


def test_a_log_without_outcomes_is_looked_at(logged: Logged):
    """No label yet: data is watched, quality is not, and nothing is raised."""
    logged(last="2013-11-05")
    altered("DELETE FROM outcomes")
    found = findings(Settings())
    assert found.promises == []
    assert found.ledger["labelled"] == 0
    assert found.decision.action == "relabel"


def test_a_single_prediction_is_looked_at(logged: Logged):
    """One row is no full day: nothing to say, and nothing is raised."""
    logged(last="2013-11-02")
    altered("DELETE FROM outcomes", "DELETE FROM predictions WHERE rowid > 1")
    found = findings(Settings())
    assert found.ledger["predictions"] == 1
    assert found.decision.action == "ok"


def test_a_swap_is_dated(logged: Logged):
    """The day on which another version answered first is known, and whom to blame for what follows."""
    logged(last="2013-11-06")
    altered("UPDATE predictions SET model_version = 2 WHERE event_time >= '2013-11-04T12'")
    found = findings(Settings())
    assert found.swaps == {pd.Timestamp("2013-11-04"): 2}
    assert found.decision.action == "roll back"  # version 2 was never published: nothing verifies


def test_trainings_are_counted_by_as_of_day(a_copy: Path):
    """Planted beside version 1: one more as of the same day, and one as of a later day, which nobody promoted."""
    models_dir, today = Settings().models_dir, pd.Timestamp("2013-11-25")
    assert trained_lately(models_dir, today) == 1
    for version, as_of in ((2, "2013-11-01"), (3, "2013-11-20")):
        folder = model_folder(models_dir, version)
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({"as_of": as_of}))
    assert trained_lately(models_dir, today) == 2
    assert trained_lately(models_dir, today + pd.Timedelta(days=28)) == 0
    recalibrated = {"as_of": "2013-11-01", "recalibrated_as_of": "2013-11-24"}  # an earlier training's trees
    (folder / "manifest.json").write_text(json.dumps(recalibrated))
    assert trained_lately(models_dir, today) == 2
    assert trained_lately(models_dir, today + pd.Timedelta(days=26)) == 1


def test_a_moment_in_the_far_future_does_not_move_the_clock(logged: Logged):
    """Planted: a request for a flight in 2099, and an outcome that claims to have been known then."""
    logged(last="2013-11-06")
    before = findings(Settings())
    altered(
        "UPDATE predictions SET event_time = '2099-01-01T00:00:00.000000Z' WHERE rowid = 1",
        "UPDATE outcomes SET known_at = '2099-01-01T00:00:00.000000Z' WHERE rowid = 1",
    )
    found = findings(Settings())
    assert found.now == before.now
    assert found.decision.action == before.decision.action
    assert found.ledger["predictions"] == before.ledger["predictions"] - 1


def test_a_feed_that_was_never_there_is_looked_at(logged: Logged, monkeypatch: pytest.MonkeyPatch):
    """Every weather column is null in every row: that is the alarm, and nothing is raised."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", -1)
    logged(last="2013-11-08", drill="feed-down")
    found = findings(Settings())
    assert found.decision.action == "fix the feed"
    assert "weather: missing beyond the usual is 1 share on 2013-11-07, above 0.2" in found.decision.reasons


def test_days_without_traffic_ring_and_break_nothing(logged: Logged):
    """Three days on which nobody asked."""
    logged(last="2013-11-09")
    altered("DELETE FROM predictions WHERE event_time > '2013-11-05T05' AND event_time < '2013-11-08T05'")
    found = findings(Settings())
    traffic = next(watch for watch in found.watches if watch.name == "traffic")
    assert traffic.values["2013-11-05":"2013-11-07"].tolist() == [0.0, 0.0, 0.0]
    assert alarm_records([traffic])[0]["first"] == "2013-11-07"


def test_an_outage_that_lasts_rings(logged: Logged):
    """Nobody asked since the fifth: looked at from the tenth, the days until then are silent and call somebody."""
    logged(last="2013-11-05")
    assert findings(Settings(), pd.Timestamp("2013-11-06T12:00Z")).decision.action == "ok"
    found = findings(Settings(), pd.Timestamp("2013-11-10T12:00Z"))
    assert found.days.max() == pd.Timestamp("2013-11-09")
    assert found.decision.action == "fix the feed"
    assert "days without a request is 4 days in a row on 2013-11-09, above 1" in found.decision.reasons


def test_a_service_at_work_is_looked_at_by_the_wall_clock(logged: Logged):
    """Planted: a log whose requests were answered when they were asked, until four days ago; a replay's goes by itself.

    What was answered long ago is a record, and no service that is silent.
    """
    logged(last="2013-11-05")
    assert findings(Settings()).now < pd.Timestamp("2013-11-08T00:00Z")
    altered(*moved(pd.Timestamp.now("UTC") - pd.Timedelta(days=4) - pd.Timestamp("2013-11-05T23:00Z")))
    found = findings(Settings())
    assert pd.Timestamp.now("UTC") - found.now < pd.Timedelta(minutes=10)
    assert found.decision.action == "fix the feed"
    assert any(reason.startswith("days without a request is") for reason in found.decision.reasons)
    altered(*moved(pd.Timedelta(days=-400)))
    assert pd.Timestamp.now("UTC") - findings(Settings()).now > pd.Timedelta(days=390)


def moved(by: pd.Timedelta) -> list[str]:
    """Statements that move a log, in which answers come when they are asked for, through time."""
    seconds = f"'{int(by.total_seconds()):+d} seconds'"
    later = "{0} = strftime('%Y-%m-%dT%H:%M:%S.000000Z', {1}, " + seconds + ")"
    times = (("event_time", "event_time"), ("answered_at", "event_time"))
    known = (("known_at", "known_at"), ("received_at", "known_at"))
    return [
        f"UPDATE {table} SET {', '.join(later.format(*each) for each in columns)}"
        for table, columns in (("predictions", times), ("outcomes", known))
    ]


def test_truthful_corrections_ring_nothing(logged: Logged):
    """Two days after the landing every outcome is reported again, five minutes later: labels are in time and agree."""
    logged(last="2013-11-10")
    altered(
        "INSERT INTO outcomes SELECT request_id, strftime('%Y-%m-%dT%H:%M:%SZ', known_at, '+2 days'), "
        "arrival_delay + 5, '2026-02-01' || substr(received_at, 11) FROM outcomes WHERE known_at < '2013-11-07'"
    )
    found = findings(Settings())
    assert found.decision.action == "ok", found.decision.reasons


def test_only_the_last_weeks_are_read(logged: Logged, monkeypatch: pytest.MonkeyPatch):
    """Of a log of ten days the last five and today's; the days at their beginning ring for nothing."""
    monkeypatch.setattr("monitoring.findings.LOOK_BACK_DAYS", 5)
    logged(last="2013-11-10")
    found = findings(Settings())
    assert found.days.min() == pd.Timestamp("2013-11-05")
    unasked = next(watch for watch in found.watches if watch.name == "outcomes never asked about")
    assert unasked.values.max() == 0
    assert found.decision.action == "ok", found.decision.reasons


def test_one_class_only_is_looked_at(logged: Logged):
    """Not one late flight: the labels are seen to be wrong, quality is not judged, and nothing is raised."""
    logged(last="2013-11-12")
    altered("UPDATE outcomes SET arrival_delay = -5")
    found = findings(Settings())
    assert found.promises == []
    assert found.decision.action == "relabel"


def test_a_large_log_is_sampled(logged: Logged, an_eighth: None, monkeypatch: pytest.MonkeyPatch):
    """One request in four, with the outcomes of the same ones: every state has its share, and figures hardly move."""
    logged(last="2013-11-21")
    whole = findings(Settings())
    monkeypatch.setattr("monitoring.findings.MOST_ROWS", whole.ledger["predictions"] // 4 + 1)
    part = findings(Settings())
    assert part.ledger["one_in"] == 4
    for name in ("predictions", "labelled"):
        assert part.ledger[name] == pytest.approx(whole.ledger[name] / 4, rel=0.15)
    assert part.decision.action == whole.decision.action
    assert not any(fires(watch).any() for watch in part.watches if watch.name.endswith("drift"))
    bias, unasked = (
        [next(watch for watch in found.watches if watch.name == name).values.iloc[-1] for found in (whole, part)]
        for name in ("bias", "outcomes never asked about")
    )
    assert bias[1] == pytest.approx(bias[0], abs=0.05)
    assert unasked == [0, 0]
