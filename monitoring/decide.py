"""From alarms to one action: a tree that can be read from top to bottom, with the reasons in plain words.

A broken feed spoils quality too, and wrong labels make a good model look bad; so the causes come first and the model
last. The first line of the tree that has an alarm decides; the reasons name all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from monitoring.watch import Watch, alarms, fires, words

NEW_CHAMPION_DAYS = 28  # quality lost this soon after a swap is the new model's fault
COOL_DOWN_DAYS = 7  # a model younger than this is not trained again: retraining must not thrash
MOST_TRAINED, BOUND_DAYS = 2, 28  # as-of days in so much time, whatever the gate said of them; then a person decides
TRAIN = ("retrain", "recalibrate")

TREE = (  # what an alarm points at, what to do then, and why
    ("skew", "roll back", "what is served is not what was evaluated"),
    ("log", "ask a person", "rows of the prediction log cannot be read, so nothing is known of them"),
    ("feed", "fix the feed", "a model cannot mend its inputs"),
    (
        "refused",
        "fix the feed",
        "what is sent is refused or never asked about, so somebody upstream has changed something",
    ),
    ("labels", "relabel", "the outcomes are late, missing or wrong, so quality cannot be judged"),
    ("ranking", "retrain", "the probabilities no longer rank as well as they claim to"),
    ("calibration", "recalibrate", "the probabilities no longer match the share that is late"),
    ("age", "retrain", "the model is older than the cadence allows"),
    ("slice", "watch", "one part of the flights is predicted worse than the others, the whole is not"),
    ("drift", "watch", "the traffic looks different, but the predictions still hold"),
    ("traffic", "watch", "there is more or less traffic than usual"),
    ("service", "watch", "the service is not at its best"),
    ("provenance", "watch", "dependencies, contract or data are no longer those that the model was trained with"),
)
OF_THE_MODEL = ("ranking", "calibration", "slice")  # what is measured on the outcomes of one model's predictions
TO_ACT = ("roll back", "fix the feed", "relabel", *TRAIN, "ask a person")


@dataclass(frozen=True)
class Decision:
    """What to do, whether somebody must, why, and since when."""

    action: str
    act: bool
    why: str
    since: str | None = None
    reasons: list[str] = field(default_factory=list)


def decide(
    watches: Sequence[Watch],
    *,
    swapped: pd.Timestamp | None = None,
    newer: bool = True,
    age_days: float = 1e9,
    trained: int = 0,
) -> Decision:
    """Decide on what fires on each watch's newest day.

    Parameters
    ----------
    swapped
        The day on which the serving model replaced another one, if it did.
    newer
        Whether it was made after that one: what came back by a rollback is not rolled back.
    age_days
        How long ago the serving model was trained.
    trained
        On how many as-of days of the last `BOUND_DAYS` a model was trained.
    """
    firing = [watch for watch in watches if fires(watch).iloc[-1:].any() and not _of_another_model(watch, swapped)]
    for points_at, action, why in TREE:
        found = [watch for watch in firing if watch.points_at == points_at]
        if found:
            since = min(alarms(watch)[-1].first for watch in found)
            chosen, because = _about_the_model(points_at, action, why, since, swapped if newer else None, age_days)
            if chosen in TRAIN and trained >= MOST_TRAINED:
                chosen, because = "ask a person", f"{because}, and {trained} trainings in four weeks have not helped"
            return Decision(chosen, chosen in TO_ACT, because, f"{since:%F}", [_reason(watch) for watch in firing])
    return Decision("ok", act=False, why="every watched figure is inside its band")


def _of_another_model(watch: Watch, swapped: pd.Timestamp | None) -> bool:
    """Whether the newest word on quality is from before the swap: it says nothing of the model that serves now."""
    newest = fires(watch).index[-1]
    return swapped is not None and newest < swapped and watch.points_at in OF_THE_MODEL


def _about_the_model(
    points_at: str, action: str, why: str, since: pd.Timestamp, swapped: pd.Timestamp | None, age_days: float
) -> tuple[str, str]:
    """Blame a new champion for quality that went with it, and give a fresh model time to be judged."""
    if points_at in ("ranking", "calibration"):
        if swapped is not None and swapped <= since <= swapped + pd.Timedelta(days=NEW_CHAMPION_DAYS):
            return "roll back", f"{why}, since the model that took over on {swapped:%F}"
        if age_days < COOL_DOWN_DAYS:
            return "watch", f"{why}, but the model is only {age_days:.0f} days old"
    return action, why


def _reason(watch: Watch) -> str:
    newest = fires(watch).index[-1]
    return words(watch, newest)


def asks_for(watch: Watch) -> str:
    """The action that an alarm of this watch leads to, if it is alone."""
    return next(action for points_at, action, _ in TREE if points_at == watch.points_at)


def daily_actions(watches: Sequence[Watch], days: pd.DatetimeIndex) -> "pd.Series[str]":
    """The action of each day, as it would have been decided on that day with the figures that now stand.

    A watch that says nothing of a day counts as it stood last; blame and cool-down are left to `decide`.
    """
    actions = pd.Series("ok", days)
    measured = [watch for watch in watches if watch.values.notna().any()]
    for points_at, action, _ in reversed(TREE):  # the first line of the tree has the last word
        for watch in measured:
            if watch.points_at == points_at:
                rung = fires(watch).reindex(days, method="ffill")
                actions[rung.eq(other=True)] = action
    return actions
