import numpy as np
import pandas as pd
import pytest

from monitoring.check import Check
from monitoring.decide import COOL_DOWN_DAYS, NEW_CHAMPION_DAYS, TO_ACT, TREE, ModelAge, daily_actions, decide

DAYS = pd.date_range("2013-11-01", periods=30)


def check(cause: str, bad_days: int, name: str = "figure") -> Check:
    """A check that is out of range on the newest days."""
    values = np.where(np.arange(len(DAYS)) >= len(DAYS) - bad_days, 9.0, 0.0)
    return Check(name, cause, "sd", pd.Series(values, DAYS), high=1)


def test_quiet_checks_are_ok():
    """Nothing out of range: no action."""
    decision = decide([check(cause, 0) for cause, *_ in TREE])
    assert (decision.action, decision.act, decision.reasons) == ("ok", False, [])


@pytest.mark.parametrize(("cause", "action"), [(cause, action) for cause, action, _ in TREE])
def test_each_branch_is_reached(cause: str, action: str):
    """Each kind of alarm alone leads to its action, with its reason and the day since when."""
    decision = decide([check(cause, 5), *(check(other, 0) for other, *_ in TREE)])
    assert decision.action == action
    assert decision.act == (action in TO_ACT)
    assert decision.since == "2013-11-28"
    assert decision.reasons == ["figure: 9 sd on 2013-11-30 (limit 1 sd)"]


@pytest.mark.parametrize("bad_days", [1, 2])
def test_too_few_bad_days_are_ok(bad_days: int):
    """Three of five days and the newest: one or two bad days decide nothing."""
    assert decide([check("ranking", bad_days)]).action == "ok"


def test_an_alarm_that_is_over_decides_nothing():
    """Bad days in the past are history once the newest day is good."""
    values = pd.Series(np.where(np.arange(len(DAYS)) < 28, 9.0, 0.0), DAYS)
    assert decide([Check("figure", "feed", "sd", values, high=1)]).action == "ok"


def test_causes_come_before_the_model():
    """A broken feed spoils calibration, ranking and drift too: the feed is fixed, and every reason is given."""
    decision = decide([check(cause, 5, cause) for cause in ("drift", "ranking", "calibration", "feed")])
    assert decision.action == "fix the feed"
    assert [reason.split(":")[0] for reason in decision.reasons] == ["feed", "ranking", "calibration", "drift"]


def test_quality_lost_after_a_swap_is_rolled_back():
    """The new champion is to blame for what began with it, and not for what began before or long after."""
    began = DAYS[-3]
    assert decide([check("ranking", 5)], ModelAge(replaced_on=began - pd.Timedelta(days=3))).action == "roll back"
    assert decide([check("calibration", 5)], ModelAge(replaced_on=began)).action == "roll back"
    assert decide([check("ranking", 5)], ModelAge(replaced_on=began + pd.Timedelta(days=1))).action == "retrain"
    assert (
        decide([check("ranking", 5)], ModelAge(replaced_on=began - pd.Timedelta(days=NEW_CHAMPION_DAYS + 1))).action
        == "retrain"
    )
    assert decide([check("feed", 5)], ModelAge(replaced_on=began)).action == "fix the feed"


def test_the_alarm_of_a_model_that_no_longer_serves_decides_nothing():
    """Until the new model's own outcomes are in, the old one's quality is history; a feed's alarm is not."""
    swapped = DAYS[-1] + pd.Timedelta(days=1)
    assert decide([check("ranking", 5)], ModelAge(replaced_on=swapped)).action == "ok"
    assert decide([check("feed", 5)], ModelAge(replaced_on=swapped)).action == "fix the feed"


def test_what_came_back_by_a_rollback_is_not_rolled_back():
    """Quality lost after a rollback is not the swap's fault: the world has changed, so retrain."""
    assert decide([check("ranking", 5)], ModelAge(replaced_on=DAYS[-5], is_newer=False)).action == "retrain"


def test_a_fresh_model_is_not_trained_again():
    """Within the cool-down a retrained model that does no better is watched, or retraining would thrash."""
    assert decide([check("ranking", 5)], ModelAge(age_days=COOL_DOWN_DAYS - 1)).action == "watch"
    assert decide([check("ranking", 5)], ModelAge(age_days=COOL_DOWN_DAYS)).action == "retrain"


@pytest.mark.parametrize("cause", ["ranking", "calibration", "age"])
def test_after_two_trainings_a_person_is_asked(cause: str):
    """Planted: a third cause to train within four weeks. A person is asked, and no job trains."""
    assert decide([check(cause, 5)], ModelAge(trainings=1)).action in ("retrain", "recalibrate")
    decision = decide([check(cause, 5)], ModelAge(trainings=2))
    assert (decision.action, decision.act) == ("ask a person", True)
    assert "2 trainings in four weeks have not helped" in decision.why
    assert decide([check("feed", 5)], ModelAge(trainings=2)).action == "fix the feed"


def test_nothing_checked_is_ok():
    """An empty log has no alarm."""
    assert decide([]).action == "ok"
    assert decide([Check("figure", "feed", "sd", pd.Series(dtype=float), high=1)]).action == "ok"


def test_each_day_has_its_action():
    """The strip of days: ok until the third bad day, and causes before the model there too."""
    empty = Check("empty", "skew", "sd", pd.Series(dtype=float), high=1)
    late = Check("short", "drift", "sd", check("drift", 20).values[:-5], high=1)  # says nothing of the last five days
    actions = daily_actions([check("ranking", 10, "a"), check("feed", 5, "b"), late, empty], DAYS)
    assert actions.tolist() == ["ok"] * 12 + ["watch"] * 10 + ["retrain"] * 5 + ["fix the feed"] * 3
