import json
import re
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from flights.artifacts import write_json
from flights.config import Settings
from flights.dataset import INPUTS, OUTCOME
from flights.log_reader import engine
from flights.registry import model_folder
from monitoring.check import alarms, is_firing
from monitoring.checks import drift, performance
from monitoring.findings import findings, recent_trainings
from monitoring.outcomes import WATERMARK, local_midnight
from tests.declared import outcome_of
from tests.monitoring.conftest import Logged, day, midnight
from tests.serving.running import ROOT

FEED = next((column.feed for column in INPUTS if column.feed), "")


def altered(*statements: str) -> None:
    """Change the log behind everybody's back."""
    log = engine(Settings().log_url)
    with log.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    log.dispose()


@pytest.fixture
def an_eighth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for the noise of 110 rows a day: the ROC-AUC of 350 positive ones moves by 0.02 more."""
    monkeypatch.setattr(performance, "MAX_SHORTFALL", performance.MAX_SHORTFALL + 0.02)


@pytest.mark.ml_test_score("O4")
def test_three_clean_weeks_are_ok(logged: Logged, an_eighth: None):
    """Clean rows, a real model: no alarm, every prediction accounted for, every metric compared."""
    logged(last=day(21))
    found = findings(Settings())
    assert found.decision.action == "ok", found.decision.reasons
    counts = found.counts
    assert counts["predictions"] == counts["labelled"] + counts["waiting"] + counts["expired"] > 1500
    assert {row["metric"] for row in found.details["expectations"]} >= {"roc_auc", "brier", "calibration_error"}


@pytest.mark.ml_test_score(
    "O4", injects="A month after the data that it learned from ended, the model is trained again"
)
def test_an_old_model_is_due(logged: Logged, monkeypatch: pytest.MonkeyPatch):
    """A month after the data that it learned from ended, the model is trained again."""
    monkeypatch.setattr("monitoring.checks.age.CADENCE_DAYS", 28)
    logged(first=day(28), last=day(31))
    assert findings(Settings()).decision.action == "retrain"


@pytest.mark.heavy
def test_the_backtest_says_when_a_model_is_due(logged: Logged):
    """Five days are too old once the backtest has found that weekly training pays, and only then."""
    logged(last=day(7))
    assert findings(Settings()).decision.action == "ok"
    write_json(Settings().reports_dir / "cadence.json", {"recommended": "weekly", "greatest_age_days": 4})
    assert findings(Settings()).decision.action == "retrain"


def test_the_past_can_be_looked_at(logged: Logged):
    """Looking back from an earlier moment, what was asked or became known later is not there yet."""
    logged(last=day(5))
    moment = pd.Timestamp(f"{day(3)}T12:00Z")
    earlier, later = findings(Settings(), moment), findings(Settings())
    assert earlier.counts["labelled"] < later.counts["labelled"]
    assert earlier.counts["predictions"] < later.counts["predictions"]
    assert earlier.view.days.max() == pd.Timestamp(day(3))


def test_unreadable_rows_are_counted_and_passed_over(logged: Logged):
    """A torn line in the log costs itself and nothing else."""
    logged(last=day(5))
    altered(
        "UPDATE predictions SET inputs = substr(inputs, 1, 40) WHERE rowid IN (5, 6)",
        "UPDATE predictions SET event_time = 'yesterday' WHERE rowid = 7",
    )
    found = findings(Settings())
    assert found.counts["unreadable"] == 2
    assert found.decision.action == "ok", found.decision.reasons


def test_a_torn_row_in_a_judged_week_costs_itself(logged: Logged):
    """Once there are enough days to judge quality by slice, too: one row is passed over, and nobody is called."""
    logged(last=day(10))
    altered("UPDATE predictions SET inputs = substr(inputs, 1, 40) WHERE rowid = 50")
    found = findings(Settings())
    assert found.details["expectations"]
    assert found.counts["unreadable"] == 1
    assert found.decision.action == "ok", found.decision.reasons


def test_a_log_that_nobody_can_read_asks_a_person(logged: Logged):
    """Every row torn: a healthy champion is not rolled back, and what cannot be looked at is not called ok."""
    logged(last=day(10))
    altered("UPDATE predictions SET inputs = substr(inputs, 1, 40)")
    found = findings(Settings())
    assert found.counts["unreadable"] == found.counts["predictions"]
    assert (found.decision.action, found.decision.act) == ("ask a person", True)
    assert found.decision.reasons[0].startswith("unreadable inputs: 100 % on")


def test_duplicate_outcomes_count_once(logged: Logged):
    """Every outcome twice: each prediction keeps one label."""
    logged(last=day(5))
    before = findings(Settings()).counts
    altered("INSERT INTO outcomes SELECT * FROM outcomes")
    assert findings(Settings()).counts == before


def test_a_log_without_outcomes_is_looked_at(logged: Logged):
    """No label yet: data is watched, quality is not, and nothing is raised."""
    logged(last=day(5))
    altered("DELETE FROM outcomes")
    found = findings(Settings())
    assert found.details["expectations"] == []
    assert found.counts["labelled"] == 0
    assert found.decision.action == "relabel"


def test_a_single_prediction_is_looked_at(logged: Logged):
    """One row is no full day: nothing to say, and nothing is raised."""
    logged(last=day(2))
    altered("DELETE FROM outcomes", "DELETE FROM predictions WHERE rowid > 1")
    found = findings(Settings())
    assert found.counts["predictions"] == 1
    assert found.decision.action == "ok"


def test_a_swap_is_dated(logged: Logged):
    """The day on which another version answered first is known, and whom to blame for what follows."""
    logged(last=day(6))
    altered(f"UPDATE predictions SET model_version = 2 WHERE event_time >= '{day(4)}T12'")
    found = findings(Settings())
    assert found.champion_changes == {pd.Timestamp(day(4)): 2}
    assert found.decision.action == "roll back"  # version 2 was never published: nothing verifies


def test_trainings_are_counted_by_as_of_day(a_copy: Path):
    """Planted next to version 1: one more as of the same day, and one as of a later day, which nobody promoted."""
    settings, today = Settings(), pd.Timestamp(day(25))
    assert recent_trainings(settings, today) == 1
    for version, as_of in ((2, day(1)), (3, day(20))):
        folder = model_folder(settings.models_dir, version)
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({"as_of": as_of}))
    assert recent_trainings(settings, today) == 2
    assert recent_trainings(settings, today + pd.Timedelta(days=28)) == 0
    recalibrated = {"as_of": day(1), "recalibrated_as_of": day(24)}  # an earlier training's trees
    (folder / "manifest.json").write_text(json.dumps(recalibrated))
    assert recent_trainings(settings, today) == 2
    assert recent_trainings(settings, today + pd.Timedelta(days=26)) == 1


@pytest.mark.heavy
def test_a_moment_in_the_far_future_does_not_move_the_clock(logged: Logged):
    """Planted: a request for an event in 2099, and an outcome that claims to have been known then."""
    logged(last=day(6))
    before = findings(Settings())
    altered(
        "UPDATE predictions SET event_time = '2099-01-01T00:00:00.000000Z' WHERE rowid = 1",
        "UPDATE outcomes SET known_at = '2099-01-01T00:00:00.000000Z' WHERE rowid = 1",
    )
    found = findings(Settings())
    assert found.view.now == before.view.now
    assert found.decision.action == before.decision.action
    assert found.counts["predictions"] == before.counts["predictions"] - 1


@pytest.mark.skipif(not FEED, reason="no column names its feed")
def test_a_feed_that_was_never_there_is_looked_at(logged: Logged):
    """Every column of one feed is null in every row: that is the alarm, and nothing is raised."""
    silent = [column.name for column in INPUTS if column.feed == FEED]
    logged(last=day(8), plant=lambda clean: (clean[0].assign(**dict.fromkeys(silent)), clean[1]))
    found = findings(Settings())
    assert found.decision.action == "fix the feed"
    assert re.search(rf"{FEED}: \S+ % of values missing on {day(7)} ", " ".join(found.decision.reasons))


def test_days_without_traffic_ring_and_break_nothing(logged: Logged):
    """Three days on which nobody asked."""
    logged(last=day(9))
    altered(f"DELETE FROM predictions WHERE event_time > '{midnight(5)}' AND event_time < '{midnight(8)}'")
    found = findings(Settings())
    traffic = next(check for check in found.checks if check.name == "traffic")
    assert traffic.values[day(5) : day(7)].tolist() == [0.0, 0.0, 0.0]
    assert [alarm.first for alarm in alarms(traffic)] == [pd.Timestamp(day(7))]


@pytest.mark.heavy
def test_an_outage_that_lasts_rings(logged: Logged):
    """Nobody asked since the fifth: looked at from the tenth, the days until then are silent and call somebody."""
    logged(last=day(5))
    assert findings(Settings(), pd.Timestamp(f"{day(6)}T12:00Z")).decision.action == "ok"
    found = findings(Settings(), pd.Timestamp(f"{day(10)}T12:00Z"))
    assert found.view.days.max() == pd.Timestamp(day(9))
    assert found.decision.action == "fix the feed"
    assert f"days without a request: 4 in a row on {day(9)} (limit 1 in a row)" in found.decision.reasons


@pytest.mark.heavy
def test_a_service_at_work_is_looked_at_by_the_wall_clock(logged: Logged):
    """Planted: a log whose requests were answered when they were asked, until four days ago; a replay's goes by itself.

    What was answered long ago is a record, and no service that is silent.
    """
    logged(last=day(5))
    assert findings(Settings()).view.now < pd.Timestamp(f"{day(8)}T00:00Z")
    altered(*moved(pd.Timestamp.now("UTC") - pd.Timedelta(days=4) - pd.Timestamp(f"{day(5)}T23:00Z")))
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
    """Two days later every outcome is reported again, a little higher: labels are in time and agree."""
    logged(last=day(10))
    altered(
        "INSERT INTO outcomes SELECT request_id, strftime('%Y-%m-%dT%H:%M:%SZ', known_at, '+2 days'), "
        f"{OUTCOME} + 1e-3, '2026-02-01' || substr(received_at, 11) FROM outcomes WHERE known_at < '{day(7)}'"
    )
    found = findings(Settings())
    assert found.decision.action == "ok", found.decision.reasons


def test_only_the_last_weeks_are_read(logged: Logged, monkeypatch: pytest.MonkeyPatch):
    """Of a log of ten days the last five and today's; the days at their beginning ring for nothing."""
    monkeypatch.setattr("monitoring.view.LOOK_BACK_DAYS", 5)
    logged(last=day(10))
    found = findings(Settings())
    assert found.view.days.min() == pd.Timestamp(day(5))
    unasked = next(check for check in found.checks if check.name == "outcomes without prediction")
    assert unasked.values.max() == 0
    assert found.decision.action == "ok", found.decision.reasons


def test_one_class_only_is_looked_at(logged: Logged):
    """Not one positive: quality is not judged, the labels may be seen to be wrong, and nothing is raised."""
    logged(last=day(12))
    altered(f"UPDATE outcomes SET {OUTCOME} = {outcome_of(0)}")
    found = findings(Settings())
    assert found.details["expectations"] == []
    assert found.decision.action in ("ok", "relabel")  # an outcome may say when it must have become known


@pytest.mark.heavy
def test_a_large_log_is_sampled(logged: Logged, an_eighth: None, monkeypatch: pytest.MonkeyPatch):
    """One request in four, with the outcomes of the same ones: every state has its share, and figures hardly move."""
    logged(last=day(21))
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
    logged(last=day(8), plant=lambda clean: (clean[0], clean[1].head(0)))
    alarm = {"check": "without outcome", "cause": "labels", "action": "relabel", "first": day(3)}
    found = findings(Settings())
    last = f"{local_midnight(found.view.now - WATERMARK):%F}"
    assert found.for_machines()["alarms"] == [alarm | {"last": last}]


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
    logged(last=day(5))
    found = findings(Settings())
    assert found.decision.action == "ok"
    assert {check.name.split(": ")[-1] for check in found.checks} == {"drift", "bias", "ranking shortfall"}
    assert found.details == {}
