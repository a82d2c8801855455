"""What the online job does: the views at the next ticks, for the flights whose prediction may be asked, as changes."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from flights.columns import Columns
from flights.dataset import KEY, PREDICTION_LEAD_HOURS
from flights.extras.feature_store.frames import events_by_kind
from flights.extras.feature_store.tables import Value, entity_name
from flights.extras.feature_views.kinds import KINDS
from flights.extras.feature_views.known import Known
from flights.extras.feature_views.views import LOOK_BACK_DAYS, TICK_MINUTES, VIEWS
from flights.extras.feature_views.windows import Minutes
from serving.extras.by_key.store import FeatureStore

BLOCK = 60  # ticks that are computed at once, at most
HORIZON_MINUTES = max(view.max_age_minutes for view in VIEWS)  # that views are computed ahead of the prediction moment

LASTING = [kind.name for kind in KINDS if kind.lasting]

Contents = dict[tuple[str, str], str]


class Materializer:
    """Publishes ticks; what it remembers between two steps it could read again from the store."""

    def __init__(self, store: FeatureStore, every: int = TICK_MINUTES):
        self.written = 0
        self._store, self._every = store, every
        self._events: dict[str, pd.DataFrame] = {}
        self._loaded_until = 0
        self._published: int | None = None
        self._contents: Contents = {}

    def step(self) -> int:
        """Publish the next complete ticks, and return their number; 0 if there are none.

        Raises
        ------
        LogUnavailable
            Nothing was published.
        """
        clock = self._store.close_ticks(self._every)
        if clock.published_until >= clock.closed_until:
            return 0
        if self._published != clock.published_until:  # the first step, or another materializer was faster
            self._contents, self._published = self._store.values(clock.published_until), clock.published_until
        first = clock.published_until + self._every if clock.published_until else clock.closed_until
        ticks = np.arange(first, clock.closed_until + 1, self._every)[:BLOCK]
        self._load(int(ticks[0]), int(ticks[-1]))
        contents = self._contents
        values: list[Value] = []
        for tick, now in contents_at(Known(self._events), ticks):
            values += changes(contents, now, tick)
            contents = now
        until = int(ticks[-1])
        if not self._store.publish(clock.published_until, until, values):
            self._published = None
            return len(ticks)
        self._contents, self._published = contents, until
        self.written += len(values)
        return len(ticks)

    def _load(self, first: int, last: int) -> None:
        """Add the events that count by the last tick, and drop those that no view reads any more."""
        if last < self._loaded_until:  # another store, or a step that failed
            self._events, self._loaded_until = {}, 0
        oldest = first - LOOK_BACK_DAYS * 24 * 60
        fresh = events_by_kind(self._store.counted_between(self._loaded_until, last, oldest, LASTING))
        for kind in KINDS:
            parts = [*([self._events[kind.name]] if kind.name in self._events else []), fresh[kind.name]]
            table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
            self._events[kind.name] = table if kind.lasting else table[table["happened"] >= oldest]
        self._loaded_until = last


def contents_at(known: Known, ticks: Minutes) -> Iterator[tuple[int, Contents]]:
    """What the views hold at each tick, as text."""
    flights, at = upcoming(known, ticks)
    asked: Columns = {KEY: flights}
    found: list[tuple[str, Minutes, list[str], list[str]]] = []
    for view in VIEWS:
        entities = pd.DataFrame({name: asked[name] for name in view.entity} | {"tick": at})
        row = (~entities.duplicated()).to_numpy()
        some = {name: values[row] for name, values in asked.items()}
        made = view.function(known, some, at[row])
        names = [entity_name(each) for each in zip(*(some[name] for name in view.entity), strict=True)]
        found.append((view.name, at[row], names or [""] * int(row.sum()), texts(made, view.columns)))
        if view.entity == (KEY,):
            asked = asked | made
    for tick in ticks.tolist():
        yield (
            tick,
            {
                (view, names[place]): contents[place]
                for view, when, names, contents in found
                for place in range(*np.searchsorted(when, [tick, tick + 1]))
            },
        )


def upcoming(known: Known, ticks: Minutes) -> tuple[Any, Minutes]:
    """Key and tick of every flight whose prediction moment is at a tick or up to `HORIZON_MINUTES` later."""
    legs, lead = known.legs, 60 * PREDICTION_LEAD_HOURS
    near = np.flatnonzero(
        (legs["happened"] >= ticks[0] + lead) & (legs["happened"] <= ticks[-1] + lead + HORIZON_MINUTES)
    )
    after = legs["happened"][near] - ticks[:, None] - lead
    holds = (legs["since"][near] <= ticks[:, None]) & (ticks[:, None] < legs["until"][near])
    which, leg = np.nonzero((after >= 0) & (after <= HORIZON_MINUTES) & holds)
    return known.index[KEY].to_numpy(object)[legs[KEY][near[leg]]], ticks[which]


def texts(columns: Columns, names: tuple[str, ...]) -> list[str]:
    """Rows of columns as JSON lists: missing is null, and times are ISO 8601 in UTC."""
    values = [plain(columns[name]) for name in names]
    return [json.dumps(row, separators=(",", ":")) for row in zip(*values, strict=True)]


def plain(values: Any) -> list[Any]:
    """Values for JSON."""
    if values.dtype.kind == "M":
        return [f"{text}Z" for text in np.datetime_as_string(values, unit="s")]
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN is what differs from itself


def changes(before: Contents, now: Contents, tick: int) -> Iterator[Value]:
    """What is new at a tick, and which entities are not computed any more."""
    for name, content in now.items():
        if before.get(name) != content:
            yield Value(*name, tick, content)
    for name in before.keys() - now.keys():
        yield Value(*name, tick, None)
