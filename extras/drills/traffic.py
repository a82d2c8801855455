"""Failures of what comes in while a model serves: feeds, clocks, data entry, labels."""

import numpy as np
import pandas as pd

from extras.drills.drill_helpers import DrillReport, expect, ranking, serving
from extras.drills.faults import AIRPORT
from extras.drills.timeline import Timeline, timeline
from extras.drills.weeks import Month, in_fault, month, report_outcomes, write_log
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import LATE_MINUTES, OUTCOME, OUTCOME_TIME
from monitoring.check import alarms, describe
from monitoring.findings import Findings, findings

FIX = "fix the feed"
LATER = pd.Timedelta(days=2)  # from an outcome to its correction


def feed_down(settings: Settings) -> DrillReport:
    """The weather feed delivers nothing."""
    return watched(settings, "feed-down", "of values missing")


def feed_frozen(settings: Settings) -> DrillReport:
    """The weather feed repeats its last report for a day at a time."""
    return watched(settings, "feed-frozen", "of values frozen")


def data_entry(settings: Settings) -> DrillReport:
    """One airport reports kilometres for miles, and zero for every empty field."""
    return watched(settings, "data-entry", "site outlier")


def wrong_time_zone(settings: Settings) -> DrillReport:
    """A preprocessing step converts time zones without a warning: local times arrive as if they were UTC."""
    return watched(settings, "wrong-time-zone", "hour of day")


def watched(settings: Settings, drill: str, check: str) -> DrillReport:
    """A week of a replay's drill: what it does to the predictions, which check fires, and that it stops."""
    weeks = month(settings, drill)
    write_log(settings, weeks.faulty)
    then, later = (findings(settings, moment) for moment in (weeks.repaired, weeks.ends))
    fired, after = then.decision, later.decision
    expect(fired.action == FIX, f"`{FIX}`, got {fired.action}: {fired.reasons}")
    reasons = [reason for reason in fired.reasons if check in reason]
    expect(bool(reasons), f"a reason about {check}, got {fired.reasons}")
    expect(after.action != FIX, f"no alarm after the repair, got {after.reasons}")
    seen = timeline_of(reasons[0], weeks, then, later)
    return DrillReport(
        damage(settings, weeks),
        f"The monitor says `{fired.action}` since {fired.since}: {reasons[0]}.",
        f"The feed is repaired on {weeks.repaired:%F}; a week later the monitor says `{after.action}`, and "
        f"the model was never touched. {seen.sentence()}.",
        seen.svg(),
    )


def timeline_of(reason: str, weeks: Month, then: Findings, later: Findings) -> Timeline:
    """The timeline of the check that gave a reason."""
    fired = (each.name for each in then.checks if alarms(each) and describe(each, alarms(each)[-1].last) == reason)
    name = next(fired, "")
    expect(bool(name), f"a check whose alert says: {reason}")
    before, after = (next(check for check in found.checks if check.name == name) for found in (then, later))
    return timeline(before, after, weeks.begins, weeks.repaired)


def damage(settings: Settings, weeks: Month) -> str:
    """What the failure does to a week's predictions without a monitor."""
    model = serving(settings)
    clean, faulty = (in_fault(weeks, traffic) for traffic in (weeks.clean, weeks.faulty))
    truth = clean["flight_id"].map(weeks.truth).to_numpy()
    before, after = (model.score(as_arrays(rows)) for rows in (clean, faulty))
    return (
        f"On the {len(clean):,} flights of a week ROC-AUC goes from {ranking(truth, before):.3f} to "
        f"{ranking(truth, after):.3f}, the mean probability from {before.mean():.3f} to {after.mean():.3f} "
        f"({truth.mean():.3f} were late); single ones move by up to "
        f"{np.abs(after - before).max():.2f}, and every request is answered with 200."
    )


def airport_labels(settings: Settings) -> DrillReport:
    """Labels are wrong at one airport: late flights are reported on time, punctual ones an hour late."""
    weeks = month(settings, "airport-labels")
    write_log(settings, weeks.faulty)
    then = findings(settings, weeks.repaired)
    fired = then.decision
    expect(fired.action == "relabel", f"`relabel`, got {fired.action}: {fired.reasons}")
    outcomes = weeks.faulty[1]
    week = weeks.clean[1]
    week = week[(week[OUTCOME_TIME] >= weeks.begins) & (week[OUTCOME_TIME] < weeks.repaired)]
    report_outcomes(settings, week.assign(**{OUTCOME_TIME: week[OUTCOME_TIME] + LATER}), hour=1)
    later = findings(settings, weeks.ends)
    after = later.decision
    expect(after.action != "relabel", f"no alarm after the correction, got {after.reasons}")
    model = serving(settings)
    flights = in_fault(weeks, weeks.clean)
    flights = flights[flights["origin"] == AIRPORT]
    said = outcomes.set_index("flight_id")[OUTCOME].reindex(flights["flight_id"])
    there = said.notna().to_numpy()
    probabilities = model.score(as_arrays(flights))[there]
    wrong = (said[there] >= LATE_MINUTES).to_numpy()
    right = flights["flight_id"].map(weeks.truth).to_numpy()[there]
    seen = timeline_of(fired.reasons[0], weeks, then, later)
    return DrillReport(
        f"Judged by the {AIRPORT} labels of a week the model ranks with {ranking(wrong, probabilities):.3f}; by the "
        f"true ones with {ranking(right, probabilities):.3f}: a healthy model would be retrained, on wrong labels.",
        f"The monitor says `{fired.action}` since {fired.since}: {fired.reasons[0]}.",
        f"{len(week):,} corrected outcomes are reported; the latest version counts, and the monitor says "
        f"`{after.action}`. {seen.sentence()}.",
        seen.svg(),
    )
