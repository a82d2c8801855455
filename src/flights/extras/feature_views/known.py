"""What was known of flights, weather and aircraft, from when until when: what `views.py` reads."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flights.columns import Columns
from flights.extras.feature_views.windows import MISSING_MINUTE, Minutes, holding, newest, until_next

if TYPE_CHECKING:
    import pandas as pd

# [SWAP] From here to the next such line: what is true of these data.

ENTITIES = ("flight_id", "carrier", "flight", "origin", "dest", "tailnum")


class Known:
    """The versions of the timetable, the states of each flight, the observations, and the register of aircraft.

    Each is a table of columns, sorted by its entity's number and `since`, the minute from which a row holds.
    """

    def __init__(self, events: Mapping[str, "pd.DataFrame"]):
        import pandas as pd

        planned, weather, aircraft = events["timetable"], events["weather"], events["aircraft"]
        self.index = {name: pd.Index(planned[name].dropna().unique()) for name in ENTITIES}
        self.legs = self.versions("flight_id", planned)
        self.legs |= {name: self.numbers(name, self.legs[name]) for name in ENTITIES}
        self.weather = self.versions("origin", weather, "happened")
        self.aircraft = self.versions("tailnum", aircraft)
        self.flights = self.states(*(self.versions("flight_id", events[name]) for name in ("departure", "arrival")))

    def numbers(self, name: str, values: Any) -> Minutes:
        """The number of each value of an entity; -1 if no timetable names it."""
        import pandas as pd

        numbers: Minutes = self.index[name].get_indexer(pd.Index(values)).astype(np.int64)
        return numbers

    def group(self, entity: tuple[str, ...], numbers: Columns, rows: int) -> Minutes:
        """One number for each combination of entities; -1 if one of them is."""
        group, known = np.zeros(rows, np.int64), np.ones(rows, bool)
        for name in entity:
            group, known = group * len(self.index[name]) + numbers[name], known & (numbers[name] >= 0)
        return np.where(known, group, -1)

    def versions(self, entity: str, events: "pd.DataFrame", *order: str) -> Columns:
        """The events of a kind by entity; of two that count, the one that became known later replaces the other."""
        numbers, since = self.numbers(entity, events[entity]), events["counted_at"].to_numpy()
        rows = newest(numbers, since, *(events[name].to_numpy() for name in (*order, "known_at")))
        table = {str(name): values.to_numpy()[rows] for name, values in events.items()}
        return table | {"entity": numbers[rows], "since": since[rows], "until": until_next(numbers[rows], since[rows])}

    def states(self, departures: Columns, arrivals: Columns) -> Columns:
        """What was known of each flight in the timetable: a row from each event on, with the last of each kind."""
        kinds = (self.legs, departures, arrivals)
        entity, since = (np.concatenate([kind[name] for kind in kinds]) for name in ("entity", "since"))
        order = np.lexsort((since, entity))
        entity, since, number = entity[order], since[order], np.arange(len(order))
        ends = np.cumsum([0, *(len(kind["since"]) for kind in kinds)])
        last = []
        for begin, end in pairwise(ends):
            at = np.maximum.accumulate(np.where((begin <= order) & (order < end), number, -1))
            last.append(np.where((at >= 0) & (entity[at] == entity), order[at] - begin, -1))
        leg, gone, landed = last
        states = {
            "entity": entity,
            "since": since,
            "until": until_next(entity, since),
            "leg": leg,
            "departed": taken(departures["happened"], gone, MISSING_MINUTE),
            "departure_delay": taken(departures["departure_delay"], gone, np.nan),
            "arrived": taken(arrivals["happened"], landed, MISSING_MINUTE),
            "arrival_delay": taken(arrivals["arrival_delay"], landed, np.nan),
        }
        return {name: values[leg >= 0] for name, values in states.items()}


def at(table: Columns, entity: Minutes, minutes: Minutes) -> Minutes:
    """The row of a table that holds for each entity at a minute, -1 if there is none."""
    return holding(table["entity"], table["since"], entity, minutes)


def taken(values: NDArray[Any], places: Minutes, missing: object) -> NDArray[Any]:
    """The values at some places; -1 is missing."""
    return np.append(values, np.array([missing], values.dtype))[places]


# [SWAP] To here.
