"""Every drill ends in its action, and what the docs say of the monitor is what was measured."""

import pytest

from extras.drills import alarms
from extras.drills import faults as drills
from flights.artifacts import read_json
from flights.config import Settings
from monitoring.decide import TREE
from monitoring.findings import findings
from tests.monitoring.conftest import Logged

pytestmark = pytest.mark.exhibit

MEASURED = read_json(alarms.STORED, "run `make alarms`")
SOON = [
    ("feed-down", "fix the feed", "weather: missing"),
    ("feed-frozen", "fix the feed", "weather: frozen"),
    ("celsius", "fix the feed", "weather: residual"),
    ("wrong-time-zone", "fix the feed", "hour of day: drift"),
    ("new-carrier", "fix the feed", "outcomes without prediction"),
    ("label-flips", "relabel", "contradictory outcomes"),
    ("labels-stop", "relabel", "without outcome"),
    ("doubled", "watch", "traffic"),
    ("new-airport", "watch", "unseen categories"),
]
LATER = [("slower", "recalibrate"), ("new-world", "retrain")]


def test_what_the_docs_say_is_what_a_small_run_finds():
    """All flights under every drill, as `make alarms` left it, end where an eighth of them does here."""
    drilled = {drill: found["action"] for drill, found in MEASURED["drills"].items()}
    assert set(drilled) == {"", *drills.DRILLS, alarms.BAD_VERSION}
    assert drilled[""] == "ok"
    assert drilled | dict([row[:2] for row in SOON] + LATER) == drilled
    assert all(check in MEASURED["drills"][drill]["days_to_alarm"] for drill, _, check in SOON)


def test_every_end_of_the_tree_has_a_drill():
    """Nothing, watch, and each action is where some drill ends; a log that nobody can read is torn by a test below."""
    ends = {found["action"] for found in MEASURED["drills"].values()}
    assert ends | {"ask a person"} == {"ok", *(action for _, action, _ in TREE)}


def test_clean_days_call_nobody():
    """At most one clean day in a hundred, of two hundred and more."""
    clean = MEASURED["clean"]
    assert clean["days"] >= 200
    assert clean["days_to_act"] <= 0.01 * clean["days"]


@pytest.mark.parametrize(("drill", "action", "check"), SOON)
def test_a_fault_is_seen_on_its_third_day(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, drill: str, action: str, check: str
):
    """Each fault leads to its action, by its own watch, three full days after it began."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 7)
    logged(last="2013-11-14", plant=lambda clean: drills.applied(clean, drill, Settings().seed))
    found = findings(Settings())
    assert found.decision.action == action, found.decision.reasons
    first = next(alarm["first"] for alarm in found.for_machines()["alarms"] if alarm["check"] == check)
    assert "2013-11-09" <= first <= "2013-11-11"


@pytest.mark.parametrize(("drill", "action"), LATER)
def test_a_changed_world_is_seen_by_its_outcomes(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, drill: str, action: str
):
    """All inputs are sound and the outcomes consistent, so it is the model that no longer fits."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 5)
    logged(last="2013-11-30", plant=lambda clean: drills.applied(clean, drill, Settings().seed))
    assert findings(Settings()).decision.action == action
