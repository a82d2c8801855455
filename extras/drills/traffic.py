"""Faults of what comes in while a model serves: feeds, clocks, data entry, labels."""

import numpy as np
import pandas as pd

from extras.drills.faults import AIRPORT
from extras.drills.practice import (
    Month,
    Told,
    expect,
    in_fault,
    look,
    month,
    ranking,
    report_outcomes,
    serving,
    write_log,
)
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import LATE_MINUTES, OUTCOME, OUTCOME_TIME

FIX = "fix the feed"
LATER = pd.Timedelta(days=2)  # from an outcome to its correction


def feed_dies(settings: Settings) -> Told:
    """The weather feed delivers nothing any more."""
    return watched(settings, "feed-down", "weather: missing")


def feed_sticks(settings: Settings) -> Told:
    """The weather feed repeats its last report for a day at a time."""
    return watched(settings, "feed-stuck", "weather: stuck")


def data_entry(settings: Settings) -> Told:
    """One airport reports kilometres for miles, and zero where it left a field empty."""
    return watched(settings, "data-entry", "one place apart")


def time_zones(settings: Settings) -> Told:
    """A preprocessing step converts time zones in silence: local times arrive as if they were UTC."""
    return watched(settings, "utc-hour", "hour of day")


def watched(settings: Settings, drill: str, figure: str) -> Told:
    """A week of a replay's drill: what it does to the predictions, which figure rings, and that it is silent again."""
    told = month(settings, drill)
    write_log(settings, told.faulty)
    rung, after = look(settings, told.mended), look(settings, told.ends)
    expect(rung.action == FIX, f"`{FIX}`, got {rung.action}: {rung.reasons}")
    reasons = [reason for reason in rung.reasons if figure in reason]
    expect(bool(reasons), f"a reason about {figure}, got {rung.reasons}")
    expect(after.action != FIX, f"silence once it is mended, got {after.reasons}")
    return Told(
        damage(settings, told),
        f"The monitor says `{rung.action}` since {rung.since}: {reasons[0]}.",
        f"The feed is mended on {told.mended:%F}; a week later the monitor says `{after.action}`, and "
        "the model was never touched.",
    )


def damage(settings: Settings, told: Month) -> str:
    """What the fault does to a week's predictions that nobody watches."""
    model = serving(settings)
    clean, faulty = (in_fault(told, traffic) for traffic in (told.clean, told.faulty))
    truth = clean["flight_id"].map(told.truth).to_numpy()
    before, after = (model.score(as_arrays(rows)) for rows in (clean, faulty))
    return (
        f"On the {len(clean):,} flights of a week ROC-AUC goes from {ranking(truth, before):.3f} to "
        f"{ranking(truth, after):.3f}, the mean probability from {before.mean():.3f} to {after.mean():.3f} "
        f"({truth.mean():.3f} were late); single ones move by up to "
        f"{np.abs(after - before).max():.2f}, and every request is answered with 200."
    )


def labels_wrong(settings: Settings) -> Told:
    """Labels are wrong at one airport: late flights are reported on time, punctual ones an hour late."""
    told = month(settings, "airport-labels")
    write_log(settings, told.faulty)
    rung = look(settings, told.mended)
    expect(rung.action == "relabel", f"`relabel`, got {rung.action}: {rung.reasons}")
    outcomes = told.faulty[1]
    week = told.clean[1]
    week = week[(week[OUTCOME_TIME] >= told.begins) & (week[OUTCOME_TIME] < told.mended)]
    report_outcomes(settings, week.assign(**{OUTCOME_TIME: week[OUTCOME_TIME] + LATER}), hour=1)
    after = look(settings, told.ends)
    expect(after.action != "relabel", f"silence once the outcomes are corrected, got {after.reasons}")
    model = serving(settings)
    flights = in_fault(told, told.clean)
    flights = flights[flights["origin"] == AIRPORT]
    said = outcomes.set_index("flight_id")[OUTCOME].reindex(flights["flight_id"])
    there = said.notna().to_numpy()
    probabilities = model.score(as_arrays(flights))[there]
    wrong = (said[there] >= LATE_MINUTES).to_numpy()
    right = flights["flight_id"].map(told.truth).to_numpy()[there]
    return Told(
        f"Judged by the {AIRPORT} labels of a week the model ranks with {ranking(wrong, probabilities):.3f}; by the "
        f"true ones with {ranking(right, probabilities):.3f}: a healthy model would be trained anew, on wrong labels.",
        f"The monitor says `{rung.action}` since {rung.since}: {rung.reasons[0]}.",
        f"{len(week):,} corrected outcomes are reported; the latest version counts, and the monitor says "
        f"`{after.action}`.",
    )
