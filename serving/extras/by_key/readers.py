"""What the departure board reads: the timetable and arrivals of the store, and the predictions of the log."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, ParamSpec, TypeVar

from flights.extras.feature_store.tables import Event
from flights.extras.feature_views.kinds import KINDS, OUTCOME_KIND
from flights.predictions import Prediction, timestamp
from serving.extras.by_key.lookup import EPOCH, Asked, Found, as_of, find, minute, parsed_request_id, planned
from serving.extras.by_key.store import Clock, FeatureStore
from serving.log_connection import LogUnavailable
from serving.prediction_log import LogThread, PredictionLog
from serving.refusal import Refused

P = ParamSpec("P")
T = TypeVar("T")

PLANNED = (  # the version that counts, of each flight
    "SELECT * FROM feature_events AS one WHERE kind = 'timetable' AND happened >= ? AND happened < ? AND NOT EXISTS "
    "(SELECT 1 FROM feature_events WHERE kind = one.kind AND entity = one.entity AND known_at > one.known_at) "
    "ORDER BY happened, entity"
)
NEWEST = "SELECT kind, MAX(known_at) FROM feature_events WHERE counted_at > ? AND counted_at <= ? GROUP BY kind"
FEED_MINUTES = 1440  # a feed that was silent for longer has no age
FEEDS = [kind.name for kind in KINDS if not kind.lasting]


class Departures(NamedTuple):
    """What the store says of the flights of a period."""

    clock: Clock
    planned: list[Event]
    outcomes: dict[str, Event]  # by the flight's key
    feeds: dict[str, int | None]  # minutes since the newest event of each kind became known


class Details(NamedTuple):
    """What the store says of one flight."""

    planned: Event
    found: Found | None  # None: the flight is in no recent tick
    outcome: Event | None


class Readers(NamedTuple):
    """The store and the log, each with its thread."""

    store: FeatureStore
    store_thread: LogThread
    log: PredictionLog
    log_thread: LogThread

    async def departures(self, first: int, last: int) -> Departures:
        """The flights that are planned between two minutes from the events' now on."""
        return await self._in(self.store_thread, departures, self.store, first, last)

    async def predictions(self, first: int, last: int) -> dict[str, Prediction]:
        """The newest prediction of each flight that is due between two minutes since 1970."""
        return await self._in(self.log_thread, predictions, self.log, first, last)

    async def details(self, key: str, asked: Prediction | None) -> Details | None:
        """One flight, with its inputs as of its prediction, or as of now; None if no event names it."""
        return await self._in(self.store_thread, details, self.store, key, asked)

    async def _in(self, thread: LogThread, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await thread.run(work, *args, **kwargs)
        except LogUnavailable:
            raise Refused(503, "Board unavailable", "The store or the log cannot be read.", retry_after=1) from None

    async def newest_prediction(self, key: str) -> Prediction | None:
        """The newest prediction of one flight."""
        return (await self._in(self.log_thread, predictions_of, self.log, key)).get(key)


def departures(store: FeatureStore, first: int, last: int) -> Departures:
    """The flights of a period, their arrivals, and the age of each feed."""
    with store.transaction():
        clock = store.clock()
        now = clock.complete_until
        planned = [Event(*row) for row in store.rows(PLANNED, (now + first, now + last))]
        arrived = {each.entity: store.versions(OUTCOME_KIND, each.entity) for each in planned if each.happened < now}
        newest = dict(store.rows(NEWEST, (now - FEED_MINUTES, now)))
    ages = {kind: now - minute(datetime.fromisoformat(newest[kind])) if kind in newest else None for kind in FEEDS}
    return Departures(clock, planned, {key: events[-1] for key, events in arrived.items() if events}, ages)


def details(store: FeatureStore, key: str, asked: Prediction | None) -> Details | None:
    """One flight, with its views as of its prediction's tick, or as of the events' now."""
    with store.transaction():
        timetable, arrived = store.versions("timetable", key), store.versions(OUTCOME_KIND, key)
        if not timetable:
            return None
        found = None
        try:
            if asked is None:
                found = find(store, [key], EPOCH + timedelta(minutes=store.clock().complete_until), ["key"])[0]
            elif parsed := parsed_request_id(asked.request_id):
                _, tick, age = parsed
                found = as_of(store, [Asked(key, tick + age, tick, "key", planned(timetable[-1], arrived))])[0]
        except Refused:
            pass  # it is in no recent tick
    return Details(timetable[-1], found, arrived[-1] if arrived else None)


def predictions(log: PredictionLog, first: int, last: int) -> dict[str, Prediction]:
    """The newest prediction by key of each flight in a period."""
    begin, end = (timestamp(EPOCH + timedelta(minutes=each)) for each in (first, last))
    with log.transaction():
        rows = log.rows("SELECT * FROM predictions WHERE event_time >= ? AND event_time < ?", (begin, end))
    return newest_by_key(rows)


def predictions_of(log: PredictionLog, key: str) -> dict[str, Prediction]:
    """The newest prediction by key of one flight."""
    with log.transaction():
        rows = log.rows("SELECT * FROM predictions WHERE request_id > ? AND request_id < ?", (f"{key}:", f"{key};"))
    return newest_by_key(rows)


def newest_by_key(rows: list[tuple[Any, ...]]) -> dict[str, Prediction]:
    """Of the predictions of each flight, the one of the latest moment; of a moment, the one of the latest tick."""
    newest: dict[str, tuple[tuple[int, int], Prediction]] = {}
    for row in rows:
        prediction = Prediction(*row)
        if parsed := parsed_request_id(prediction.request_id):
            key, tick, age = parsed
            if key not in newest or newest[key][0] < (tick + age, tick):
                newest[key] = ((tick + age, tick), prediction)
    return {key: prediction for key, (_, prediction) in newest.items()}
