"""Faults to practise with, planted into a replay's traffic: what upstream systems and people really do.

Each drill is a function named after the fault. It takes what is still unharmed and returns what is sent instead, from
the drill's first day on; before it the traffic is clean, so that the time to the alarm can be told.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from flights.dataset import EVENT_TIME, INPUTS, KEY, ZONE

CLEAN_DAYS = 14  # before the fault begins
AIRPORT = "LGA"  # the one that changes its data entry
NEW_CARRIER = "ZZ"
NEW_AIRPORT = "ZZZ"

Traffic = tuple[pd.DataFrame, pd.DataFrame]  # flights by prediction moment, outcomes by the moment they are known
Fault = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], Traffic]


def applied(clean: Traffic, drill: str, seed: int) -> Traffic:
    """The traffic with a drill's fault from its `CLEAN_DAYS`-th day on; no drill leaves it alone."""
    return planted(clean, DRILLS[drill], seed) if drill else clean


def planted(clean: Traffic, fault: Fault, seed: int) -> Traffic:
    """The traffic with a fault from its `CLEAN_DAYS`-th day on."""
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
    """The weather feed delivers nothing any more."""
    return flights.assign(**dict.fromkeys(fed_by("weather"), np.nan)), outcomes


def feed_stuck(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """The weather feed repeats its last report of each airport for a day at a time."""
    names = fed_by("weather")
    day = flights["moment"].dt.tz_convert(ZONE).dt.normalize()
    rows = flights.index.to_series().groupby([day, flights["origin"]]).transform("first")
    flights[names] = flights.loc[rows, names].to_numpy()
    return flights, outcomes


def celsius(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """Temperatures arrive in degrees Celsius."""
    names = ["temperature", "dew_point"]
    flights[names] = (flights[names] - 32) / 1.8
    return flights, outcomes


def utc_hour(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A client sends local times as if they were UTC."""
    flights[EVENT_TIME] = flights[EVENT_TIME].dt.tz_convert(ZONE).dt.tz_localize(None).dt.tz_localize("UTC")
    return flights, outcomes


def new_carrier(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A carrier that the contract does not know takes over a tenth of the flights."""
    taken = random.random(len(flights)) < 0.1
    return flights.assign(carrier=flights["carrier"].where(~taken, NEW_CARRIER)), outcomes


def data_entry(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """One airport reports visibility in kilometres, and zero where it left a field empty."""
    names = ["wind_direction", "previous_leg_delay"]
    there = flights["origin"] == AIRPORT
    flights[names] = flights[names].fillna(0.0).where(there, flights[names])
    flights["visibility"] = flights["visibility"].where(~there, flights["visibility"] * 1.6)
    return flights, outcomes


def new_airport(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """A tenth of the flights goes to an airport that nobody has flown to before."""
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
    """Nobody reports outcomes any more."""
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
    """The world changes its rules: who is late among the flights of a day has nothing to do with what we know."""
    day = outcomes["outcome_known_at"].dt.date
    delays = outcomes.groupby(day)["arrival_delay"].transform(random.permutation)
    moved = pd.to_timedelta(delays - outcomes["arrival_delay"], unit="min")
    return flights, outcomes.assign(arrival_delay=delays, outcome_known_at=outcomes["outcome_known_at"] + moved)


def doubled(flights: pd.DataFrame, outcomes: pd.DataFrame, random: np.random.Generator) -> Traffic:
    """Every flight is asked for twice, under two names."""
    again = [table.assign(**{KEY: table[KEY] + "-again"}) for table in (flights, outcomes)]
    return pd.concat([flights, again[0]]), pd.concat([outcomes, again[1]])


def fed_by(feed: str) -> list[str]:
    """Names of the columns that an upstream feed fills."""
    return [column.name for column in INPUTS if column.feed == feed]


FAULTS: tuple[Fault, ...] = (
    feed_down,
    feed_stuck,
    celsius,
    utc_hour,
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
