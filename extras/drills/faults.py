"""Failures to practise with, planted into a replay's traffic: what upstream systems and people really do.

Each drill is a function named after the failure. It takes clean traffic and returns what is sent instead, from the
drill's first day on. The traffic before that day stays clean, so that the time to the alarm can be measured.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from flights.dataset import EVENT_TIME, INPUTS, KEY, ZONE
from monitoring.traffic import Traffic

CLEAN_DAYS = 14  # before the failure begins
AIRPORT = "LGA"  # the one that changes its data entry
NEW_CARRIER = "ZZ"
NEW_AIRPORT = "ZZZ"

Fault = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], Traffic]


def with_drill(clean: Traffic, drill: str, days: int, seed: int) -> Traffic:
    """The traffic of some days under a drill.

    Raises
    ------
    SystemExit
        There is no such drill, or its failure would begin after the last day.
    """
    if drill not in DRILLS:
        raise SystemExit(f"DRILL={drill}: expected one of {', '.join(DRILLS)}")
    if days <= CLEAN_DAYS:
        raise SystemExit(
            f"DRILL={drill}: the failure begins after {CLEAN_DAYS} clean days, and the period has {days}; "
            "choose a longer one, such as FROM=2013-11 TO=2013-12"
        )
    return applied(clean, drill, seed)


def applied(clean: Traffic, drill: str, seed: int) -> Traffic:
    """The traffic with a drill's failure after its clean days; without a drill, as it is."""
    return planted(clean, DRILLS[drill], seed) if drill else clean


def planted(clean: Traffic, fault: Fault, seed: int) -> Traffic:
    """The traffic with a failure after its clean days."""
    flights, outcomes = clean
    first_day = flights["moment"].min().tz_convert(ZONE).normalize()
    start = first_day + pd.DateOffset(days=CLEAN_DAYS)
    hit, known = flights["moment"] >= start, outcomes["outcome_known_at"] >= start
    faulty = fault(flights[hit].copy(), outcomes[known].copy(), np.random.default_rng(seed))
    return (
        pd.concat([flights[~hit], faulty[0]]).sort_values(["moment", KEY], ignore_index=True),
        pd.concat([outcomes[~known], faulty[1]]).sort_values(["outcome_known_at", KEY], ignore_index=True),
    )


def feed_down(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """The weather feed delivers nothing."""
    return flights.assign(**dict.fromkeys(feed_columns("weather"), np.nan)), outcomes


def feed_frozen(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """The weather feed repeats its last report of each airport for a day at a time."""
    names = feed_columns("weather")
    day = flights["moment"].dt.tz_convert(ZONE).dt.normalize()
    rows = flights.index.to_series().groupby([day, flights["origin"]]).transform("first")
    flights[names] = flights.loc[rows, names].to_numpy()
    return flights, outcomes


def celsius(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """Temperatures arrive in degrees Celsius."""
    names = ["temperature", "dew_point"]
    flights[names] = (flights[names] - 32) / 1.8
    return flights, outcomes


def wrong_time_zone(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A client sends local times as if they were UTC."""
    flights[EVENT_TIME] = flights[EVENT_TIME].dt.tz_convert(ZONE).dt.tz_localize(None).dt.tz_localize("UTC")
    return flights, outcomes


def new_carrier(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A carrier that the contract does not know takes over a tenth of the flights."""
    taken = random.random(len(flights)) < 0.1
    return flights.assign(carrier=flights["carrier"].where(~taken, NEW_CARRIER)), outcomes


def data_entry(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """One airport reports visibility in kilometres, and zero for every empty field."""
    names = ["wind_direction", "previous_leg_delay"]
    there = flights["origin"] == AIRPORT
    flights[names] = flights[names].fillna(0.0).where(there, flights[names])
    flights["visibility"] = flights["visibility"].where(~there, flights["visibility"] * 1.6)
    return flights, outcomes


def new_airport(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A tenth of the flights goes to an unseen airport."""
    moved = random.random(len(flights)) < 0.1
    return flights.assign(dest=flights["dest"].where(~moved, NEW_AIRPORT)), outcomes


def label_flips(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A tenth of the outcomes is wrong: late flights are reported on time, punctual ones an hour late."""
    flipped = random.random(len(outcomes)) < 0.1
    wrong = np.where(outcomes["arrival_delay"] >= 15, 0.0, 60.0)
    return flights, outcomes.assign(arrival_delay=outcomes["arrival_delay"].where(~flipped, wrong))


def airport_labels(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """One airport reports its outcomes the wrong way round: late flights on time, punctual ones an hour late."""
    there = outcomes[KEY].str.endswith(AIRPORT)
    wrong = np.where(outcomes["arrival_delay"] >= 15, 0.0, 60.0)
    return flights, outcomes.assign(arrival_delay=outcomes["arrival_delay"].where(~there, wrong))


def labels_stop(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """No outcome is reported any more."""
    return flights, outcomes.head(0)


def slower(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """The world changes evenly: every flight arrives ten minutes later than it would have."""
    minutes = pd.to_timedelta(10, unit="min")
    later = {
        "arrival_delay": outcomes["arrival_delay"] + 10,
        "outcome_known_at": outcomes["outcome_known_at"] + minutes,
    }
    return flights, outcomes.assign(**later)


def new_world(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """The world changes its rules: which flights of a day are late no longer depends on the inputs."""
    day = outcomes["outcome_known_at"].dt.date
    delays = outcomes.groupby(day)["arrival_delay"].transform(random.permutation)
    moved = pd.to_timedelta(delays - outcomes["arrival_delay"], unit="min")
    return flights, outcomes.assign(arrival_delay=delays, outcome_known_at=outcomes["outcome_known_at"] + moved)


def doubled(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """Every flight is requested twice, under two request IDs."""
    again = [table.assign(**{KEY: table[KEY] + "-again"}) for table in (flights, outcomes)]
    return pd.concat([flights, again[0]]), pd.concat([outcomes, again[1]])


def feed_columns(feed: str) -> list[str]:
    """Names of the columns that an upstream feed fills."""
    return [column.name for column in INPUTS if column.feed == feed]


FAULTS: tuple[Fault, ...] = (
    feed_down,
    feed_frozen,
    celsius,
    wrong_time_zone,
    new_carrier,
    data_entry,
    new_airport,
    label_flips,
    airport_labels,
    labels_stop,
    slower,
    new_world,
    doubled,
)
DRILLS: dict[str, Fault] = {fault.__name__.replace("_", "-"): fault for fault in FAULTS}
