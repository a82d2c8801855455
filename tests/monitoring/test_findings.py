import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from flights.artifacts import write_json
from flights.config import Settings
from flights.dataset import INPUTS
from flights.log_reader import engine
from flights.registry import model_folder
from monitoring.check import alarms, is_firing
from monitoring.checks import drift, performance
from monitoring.findings import findings, recent_trainings
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
    monkeypatch.setattr(performance, "MAX_SHORTFALL", performance.MAX_SHORTFALL + 0.02)


@pytest.mark.ml_test_score("O4")
def test_three_clean_weeks_are_ok(logged: Logged, an_eighth: None):
    """Real flights, a real model: no alarm, every prediction accounted for, every metric compared."""
    logged(last="2013-11-21")
    found = findings(Settings())
    assert found.decision.action == "ok", found.decision.reasons
    counts = found.counts
    assert counts["predictions"] == counts["labelled"] + counts["waiting"] + counts["expired"] > 2000
    assert {row["metric"] for row in found.details["expectations"]} >= {"roc_auc", "brier", "calibration_error"}


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
    assert earlier.counts["labelled"] < later.counts["labelled"]
    assert earlier.counts["predictions"] < later.counts["predictions"]
    assert earlier.view.days.max() == pd.Timestamp("2013-11-03")


def test_unreadable_rows_are_counted_and_passed_over(logged: Logged):
    """A torn line in the log costs itself and nothing else."""
    logged(last="2013-11-05")
    altered(
        "UPDATE predictions SET inputs = substr(inputs, 1, 40) WHERE rowid IN (5, 6)",
        "UPDATE predictions SET event_time = 'yesterday' WHERE rowid = 7",
    )
    found = findings(Settings())
    assert found.counts["unreadable"] == 2
    assert found.decision.action == "ok", found.decision.reasons


def test_a_torn_row_in_a_judged_week_costs_itself(logged: Logged):
    """Once there are enough days to judge quality by slice, too: one row is passed over, and nobody is called."""
    logged(last="2013-11-10")
    altered("UPDATE predictions SET inputs = substr(inputs, 1, 40) WHERE rowid = 50")
    found = findings(Settings())
    assert found.details["expectations"]
    assert found.counts["unreadable"] == 1
    assert found.decision.action == "ok", found.decision.reasons


def test_a_log_that_nobody_can_read_asks_a_person(logged: Logged):
    """Every row torn: a healthy champion is not rolled back, and what cannot be looked at is not called ok."""
    logged(last="2013-11-10")
    altered("UPDATE predictions SET inputs = substr(inputs, 1, 40)")
    found = findings(Settings())
    assert found.counts["unreadable"] == found.counts["predictions"]
    assert (found.decision.action, found.decision.act) == ("ask a person", True)
    assert found.decision.reasons[0].startswith("unreadable inputs: 100 % on")


def test_duplicate_outcomes_count_once(logged: Logged):
    """Every outcome twice: each prediction keeps one label."""
    logged(last="2013-11-05")
    before = findings(Settings()).counts
    altered("INSERT INTO outcomes SELECT * FROM outcomes")
    assert findings(Settings()).counts == before


def test_a_log_without_outcomes_is_looked_at(logged: Logged):
    """No label yet: data is watched, quality is not, and nothing is raised."""
    logged(last="2013-11-05")
    altered("DELETE FROM outcomes")
    found = findings(Settings())
    assert found.details["expectations"] == []
    assert found.counts["labelled"] == 0
    assert found.decision.action == "relabel"


def test_a_single_prediction_is_looked_at(logged: Logged):
    """One row is no full day: nothing to say, and nothing is raised."""
    logged(last="2013-11-02")
    altered("DELETE FROM outcomes", "DELETE FROM predictions WHERE rowid > 1")
    found = findings(Settings())
    assert found.counts["predictions"] == 1
    assert found.decision.action == "ok"


def test_a_swap_is_dated(logged: Logged):
    """The day on which another version answered first is known, and whom to blame for what follows."""
    logged(last="2013-11-06")
    altered("UPDATE predictions SET model_version = 2 WHERE event_time >= '2013-11-04T12'")
    found = findings(Settings())
    assert found.champion_changes == {pd.Timestamp("2013-11-04"): 2}
    assert found.decision.action == "roll back"  # version 2 was never published: nothing verifies


def test_trainings_are_counted_by_as_of_day(a_copy: Path):
    """Planted next to version 1: one more as of the same day, and one as of a later day, which nobody promoted."""
    settings, today = Settings(), pd.Timestamp("2013-11-25")
    assert recent_trainings(settings, today) == 1
    for version, as_of in ((2, "2013-11-01"), (3, "2013-11-20")):
        folder = model_folder(settings.models_dir, version)
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({"as_of": as_of}))
    assert recent_trainings(settings, today) == 2
    assert recent_trainings(settings, today + pd.Timedelta(days=28)) == 0
    recalibrated = {"as_of": "2013-11-01", "recalibrated_as_of": "2013-11-24"}  # an earlier training's trees
    (folder / "manifest.json").write_text(json.dumps(recalibrated))
    assert recent_trainings(settings, today) == 2
    assert recent_trainings(settings, today + pd.Timedelta(days=26)) == 1


def test_a_moment_in_the_far_future_does_not_move_the_clock(logged: Logged):
    """Planted: a request for a flight in 2099, and an outcome that claims to have been known then."""
    logged(last="2013-11-06")
    before = findings(Settings())
    altered(
        "UPDATE predictions SET event_time = '2099-01-01T00:00:00.000000Z' WHERE rowid = 1",
        "UPDATE outcomes SET known_at = '2099-01-01T00:00:00.000000Z' WHERE rowid = 1",
    )
    found = findings(Settings())
    assert found.view.now == before.view.now
    assert found.decision.action == before.decision.action
    assert found.counts["predictions"] == before.counts["predictions"] - 1


def test_a_feed_that_was_never_there_is_looked_at(logged: Logged):
    """Every weather column is null in every row: that is the alarm, and nothing is raised."""
    weather = [column.name for column in INPUTS if column.feed == "weather"]
    logged(last="2013-11-08", plant=lambda clean: (clean[0].assign(**dict.fromkeys(weather, np.nan)), clean[1]))
    found = findings(Settings())
    assert found.decision.action == "fix the feed"
    assert "weather: 100 % of values missing on 2013-11-07 (limit 20 %)" in found.decision.reasons


def test_days_without_traffic_ring_and_break_nothing(logged: Logged):
    """Three days on which nobody asked."""
    logged(last="2013-11-09")
    altered("DELETE FROM predictions WHERE event_time > '2013-11-05T05' AND event_time < '2013-11-08T05'")
    found = findings(Settings())
    traffic = next(check for check in found.checks if check.name == "traffic")
    assert traffic.values["2013-11-05":"2013-11-07"].tolist() == [0.0, 0.0, 0.0]
    assert [alarm.first for alarm in alarms(traffic)] == [pd.Timestamp("2013-11-07")]


def test_an_outage_that_lasts_rings(logged: Logged):
    """Nobody asked since the fifth: looked at from the tenth, the days until then are silent and call somebody."""
    logged(last="2013-11-05")
    assert findings(Settings(), pd.Timestamp("2013-11-06T12:00Z")).decision.action == "ok"
    found = findings(Settings(), pd.Timestamp("2013-11-10T12:00Z"))
    assert found.view.days.max() == pd.Timestamp("2013-11-09")
    assert found.decision.action == "fix the feed"
    assert "days without a request: 4 in a row on 2013-11-09 (limit 1 in a row)" in found.decision.reasons


def test_a_service_at_work_is_looked_at_by_the_wall_clock(logged: Logged):
    """Planted: a log whose requests were answered when they were asked, until four days ago; a replay's goes by itself.

    What was answered long ago is a record, and no service that is silent.
    """
    logged(last="2013-11-05")
    assert findings(Settings()).view.now < pd.Timestamp("2013-11-08T00:00Z")
    altered(*moved(pd.Timestamp.now("UTC") - pd.Timedelta(days=4) - pd.Timestamp("2013-11-05T23:00Z")))
    found = findings(Settings())
    assert pd.Timestamp.now("UTC") - found.view.now < pd.Timedelta(minutes=10)
    assert found.decision.action == "fix the feed"
    assert any(reason.startswith("days without a request:") for reason in found.decision.reasons)
    altered(*moved(pd.Timedelta(days=-400)))
    assert pd.Timestamp.now("UTC") - findings(Settings()).view.now > pd.Timedelta(days=390)


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
    monkeypatch.setattr("monitoring.view.LOOK_BACK_DAYS", 5)
    logged(last="2013-11-10")
    found = findings(Settings())
    assert found.view.days.min() == pd.Timestamp("2013-11-05")
    unasked = next(check for check in found.checks if check.name == "outcomes without prediction")
    assert unasked.values.max() == 0
    assert found.decision.action == "ok", found.decision.reasons


def test_one_class_only_is_looked_at(logged: Logged):
    """Not one late flight: the labels are seen to be wrong, quality is not judged, and nothing is raised."""
    logged(last="2013-11-12")
    altered("UPDATE outcomes SET arrival_delay = -5")
    found = findings(Settings())
    assert found.details["expectations"] == []
    assert found.decision.action == "relabel"


def test_a_large_log_is_sampled(logged: Logged, an_eighth: None, monkeypatch: pytest.MonkeyPatch):
    """One request in four, with the outcomes of the same ones: every state has its share, and figures hardly move."""
    logged(last="2013-11-21")
    whole = findings(Settings())
    monkeypatch.setattr("monitoring.view.MAX_ROWS", whole.counts["predictions"] // 4 + 1)
    part = findings(Settings())
    assert part.counts["one_in"] == 4
    for name in ("predictions", "labelled"):
        assert part.counts[name] == pytest.approx(whole.counts[name] / 4, rel=0.15)
    assert part.decision.action == whole.decision.action
    assert not any(is_firing(check).any() for check in part.checks if check.name.endswith("drift"))
    bias, unasked = (
        [next(check for check in found.checks if check.name == name).values.iloc[-1] for found in (whole, part)]
        for name in ("bias", "outcomes without prediction")
    )
    assert bias[1] == pytest.approx(bias[0], abs=0.05)
    assert unasked == [0, 0]


def test_alarms_are_told_to_machines(logged: Logged):
    """Which check, its cause, its action, from when to when; the newest first."""
    logged(last="2013-11-08", plant=lambda clean: (clean[0], clean[1].head(0)))
    alarm = {"check": "without outcome", "cause": "labels", "action": "relabel", "first": "2013-11-03"}
    assert findings(Settings()).for_machines()["alarms"] == [alarm | {"last": "2013-11-07"}]


FOUND = re.compile(r"monitoring\.(?:checks|extras)(?:\.| import )(\w+)")
WALK = {"drift", "performance"}


def imported_plugins(text: str, own: str) -> set[str]:
    """The plug-ins, other than the walk's and those of the module's own folder, that a module imports."""
    lines = [line for line in text.splitlines() if own not in line]
    return set(FOUND.findall("\n".join(lines))) - WALK


def test_plug_ins_are_found_and_not_imported():
    """No module imports a check by name, except the walk's; the report is one folder. Planted: one does."""
    for path in [*ROOT.glob("monitoring/*.py"), *ROOT.glob("monitoring/checks/*.py")]:
        assert imported_plugins(path.read_text(), "import_nothing") == set(), path
    for path in ROOT.glob("monitoring/extras/*.py"):
        assert imported_plugins(path.read_text(), "monitoring.extras") == set(), path
    assert imported_plugins("from monitoring.checks.feeds import checks", "monitoring.extras") == {"feeds"}


def test_without_the_other_families_there_is_a_decision(logged: Logged, monkeypatch: pytest.MonkeyPatch):
    """Planted: every file of checks deleted but the walk's two."""
    for module in ("monitoring.findings", "flights.plugins"):
        monkeypatch.setattr(f"{module}.load_plugins", lambda _: [drift, performance])
    logged(last="2013-11-05")
    found = findings(Settings())
    assert found.decision.action == "ok"
    assert {check.name.split(": ")[-1] for check in found.checks} == {"drift", "bias", "ranking shortfall"}
    assert found.details == {}
