"""From alarms to one action: a tree that is read from top to bottom, with the reasons in plain words.

A broken feed spoils quality too, and wrong labels make a good model look bad. So the causes come first and the model
last: the first line of the tree that has an alarm decides, and the reasons name all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from monitoring.check import Check, alarms, describe, is_firing

NEW_CHAMPION_DAYS = 28  # quality lost this soon after a change is blamed on the new model
COOL_DOWN_DAYS = 7  # a younger model is not trained again, or retraining would never stop
MAX_TRAININGS, WINDOW_DAYS = 2, 28  # training cutoffs in this many days, passed or not; then a person decides
TRAIN = ("retrain", "recalibrate")

TREE = (  # the cause of an alarm, what to do, and why
    ("skew", "roll back", "the served predictions are not those of the evaluated model"),
    ("log", "ask a person", "rows of the prediction log cannot be read, so their quality is unknown"),
    ("feed", "fix the feed", "a model cannot repair its inputs"),
    ("rejected", "fix the feed", "requests are rejected or have stopped, so something upstream has changed"),
    ("labels", "relabel", "the outcomes are late, missing or wrong, so quality cannot be judged"),
    ("ranking", "retrain", "the probabilities no longer rank as well as they should"),
    ("calibration", "recalibrate", "the probabilities no longer match the observed share"),
    ("age", "retrain", "the model is older than the retraining cadence allows"),
    ("slice", "watch", "one slice is predicted worse than the others, the whole is not"),
    ("drift", "watch", "the traffic looks different, but the predictions still hold"),
    ("traffic", "watch", "there is more or less traffic than usual"),
    ("service", "watch", "the service is slow, over capacity, failing or without an answer"),
    ("provenance", "watch", "dependencies, contract or data have changed since the model was trained"),
)
CAUSES = [cause for cause, *_ in TREE]
OF_THE_MODEL = ("ranking", "calibration", "slice")  # measured on the outcomes of one model's predictions
TO_ACT = ("roll back", "fix the feed", "relabel", *TRAIN, "ask a person")


@dataclass(frozen=True)
class Decision:
    """What to do, whether a person must act, why, since when, and every firing check."""

    action: str
    act: bool
    why: str
    since: str | None = None
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModelAge:
    """What the decision needs to know of the serving model."""

    replaced_on: pd.Timestamp | None = None  # the day on which it replaced another version
    is_newer: bool = True  # than that version: a model that a rollback brought back is not rolled back
    age_days: float = 1e9
    trainings: int = 0  # training cutoffs in the last `WINDOW_DAYS`


def decide(checks: Sequence[Check], model: ModelAge | None = None) -> Decision:
    """Decide on what fires on each check's newest day."""
    model = model or ModelAge()
    firing = [each for each in checks if is_firing(each).iloc[-1:].any() and not _of_another_model(each, model)]
    firing.sort(key=lambda check: CAUSES.index(check.cause))
    if not firing:
        return Decision("ok", act=False, why="every check is within its limits")
    cause, action, why = TREE[CAUSES.index(firing[0].cause)]
    since = min(alarms(check)[-1].first for check in firing if check.cause == cause)
    if cause in ("ranking", "calibration"):
        action, why = _about_the_model(action, why, since, model)
    if action in TRAIN and model.trainings >= MAX_TRAININGS:
        action, why = "ask a person", f"{why}, and {model.trainings} trainings in four weeks have not helped"
    reasons = [describe(check, is_firing(check).index[-1]) for check in firing]
    return Decision(action, action in TO_ACT, why, f"{since:%F}", reasons)


def _of_another_model(check: Check, model: ModelAge) -> bool:
    """Whether the newest value on quality is from before the change: it says nothing of the serving model."""
    newest = is_firing(check).index[-1]
    return model.replaced_on is not None and newest < model.replaced_on and check.cause in OF_THE_MODEL


def _about_the_model(action: str, why: str, since: pd.Timestamp, model: ModelAge) -> tuple[str, str]:
    """Blame a new champion for quality that went with it, and give a fresh model time to be judged."""
    replaced = model.replaced_on if model.is_newer else None
    if replaced is not None and replaced <= since <= replaced + pd.Timedelta(days=NEW_CHAMPION_DAYS):
        return "roll back", f"{why}, since the model that took over on {replaced:%F}"
    if model.age_days < COOL_DOWN_DAYS:
        return "watch", f"{why}, but the model is only {model.age_days:.0f} days old"
    return action, why


def action_of(cause: str) -> str:
    """The action that an alarm of this cause leads to, if it is alone."""
    return TREE[CAUSES.index(cause)][1]


def daily_actions(checks: Sequence[Check], days: pd.DatetimeIndex) -> "pd.Series[str]":
    """The action of each day, as it would have been decided on that day with today's values.

    A check without a value on a day counts as on its last one; blame and cool-down are left to `decide`.
    """
    actions = pd.Series("ok", days)
    measured = [check for check in checks if check.values.notna().any()]
    for cause, action, _ in reversed(TREE):  # the first line of the tree decides
        for check in measured:
            if check.cause == cause:
                fired = is_firing(check).reindex(days, method="ffill")
                actions[fired.eq(other=True)] = action
    return actions
