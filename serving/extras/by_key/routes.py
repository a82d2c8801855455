"""The routes: events in, predictions by key out. An arrival is the outcome of the predictions for its flight."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import TypeAdapter

from flights.dataset import KEY, OUTCOME
from flights.extras.feature_store import Settings as StoreSettings
from flights.extras.feature_store.tables import Event
from flights.extras.feature_views.kinds import OUTCOME_KIND
from flights.predictions import Outcome, timestamp
from serving.extras.by_key.answers import answer_json
from serving.extras.by_key.bodies import (
    AnswerByKey,
    AnswersByKey,
    Events,
    EventsReceipt,
    Key,
    Keys,
)
from serving.extras.by_key.incoming import check_clocks, stored
from serving.extras.by_key.local import LocalReader
from serving.extras.by_key.lookup import Found, Known, find, minute
from serving.extras.by_key.readers import Readers
from serving.extras.by_key.store import Accepted, FeatureStore
from serving.fast_path import Endpoint
from serving.log_connection import LogUnavailable
from serving.prediction_log import LogThread
from serving.refusal import (
    STATUSES,
    FieldProblem,
    Refused,
    log_unavailable,
    problems,
)
from serving.request import MAX_ROWS
from serving.service import Service

logger = logging.getLogger("serving")

RECEIPT_JSON = TypeAdapter(EventsReceipt).serializer
UNKNOWN = -1  # no data version: what was read with it may be old
T = TypeVar("T")


def add_routes(service: Service) -> Readers:
    """Add the routes, with a store and a thread of their own; return what reads the store and the log."""
    store = FeatureStore(StoreSettings.read().store_url(service.settings.data_dir))
    readers = Readers(store, LogThread(store), service.log, service.scorer.log_thread)
    does = ByKey(service, readers)
    for path, endpoint, made in (
        ("/events", Endpoint(does.events, Events, MAX_ROWS), EventsReceipt),
        ("/predict/by-key", Endpoint(does.predict, Key, 1, service.scorer.check_capacity), AnswerByKey),
        ("/predict/by-key/batch", Endpoint(does.predict_batch, Keys, MAX_ROWS), AnswersByKey),
    ):
        service.endpoints[path] = endpoint
        service.app.router.add_api_route(
            path, endpoint.function, response_model=made, methods=["POST"], responses=problems(*STATUSES, 404)
        )
    return readers


class ByKey:
    """The functions behind the routes; each returns its answer as JSON."""

    def __init__(self, service: Service, readers: Readers):
        self._service, self._store, self._thread = service, readers.store, readers.store_thread
        self._local = LocalReader(readers.store.url)
        self._waiting: list[tuple[str, str, asyncio.Future[tuple[list[Found], int]]]] = []
        self._changed: bool | None = None  # since the version that is compared, in this turn of the event loop
        self._handed_over = 0  # reads that waited for the store's thread, while others may have read a newer version
        self._thread.executor.submit(self._store.clock)
        self._thread.executor.submit(self._local.open)

    async def events(self, events: Events) -> bytes:
        """Take events as they come; those that are not plausible are refused together with the others."""
        now = datetime.now(UTC)
        check_clocks(events, now)
        rows = [
            stored(event, timestamp(now + timedelta(microseconds=place))) for place, event in enumerate(events.events)
        ]
        until = 0 if events.complete_until is None else minute(events.complete_until.replace(tzinfo=UTC))
        try:
            accepted: Accepted = await self._thread.run(self._store.add, rows, until)
        except LogUnavailable as error:
            raise unavailable(error) from None
        if accepted.restated:
            expected = "a later known_at for another content of the same event"
            raise Refused(409, "Event restated", accepted.restated, [FieldProblem(field="known_at", expected=expected)])
        arrivals = [row for row in rows if row.kind == OUTCOME_KIND]
        outcomes = await self._report(await self._predicted(arrivals))
        new = len(rows) - accepted.repeated
        return RECEIPT_JSON.to_json(
            EventsReceipt(accepted=new, repeated=accepted.repeated, late=accepted.late, outcomes=outcomes)
        )

    async def predict(self, key: Key) -> bytes:
        """Predict one flight by its key."""
        return (await self._answers([getattr(key, KEY)], [KEY]))[0].encode()

    async def predict_batch(self, keys: Keys) -> bytes:
        """Predict several flights by their keys, all or none."""
        self._service.scorer.check_capacity(len(keys.keys))
        places = [f"keys[{place}]" for place in range(len(keys.keys))]
        return f'{{"predictions":[{",".join(await self._answers(keys.keys, places))}]}}'.encode()

    async def _answers(self, keys: Sequence[str], places: Sequence[str]) -> list[str]:
        """The answers as JSON; when they are logged, what is known already of the arrivals is reported."""
        now = datetime.now(UTC)
        found, version = await self._together(keys[0], places[0]) if len(keys) == 1 else ([], 0)
        if not found:
            handed_over = self._handed_over
            found = await self._read(lambda store, known: find(store, keys, now, places, known))
            version = self._local.version if handed_over == self._handed_over else UNKNOWN
        logged = await self._service.scorer.predictions([each.flight for each in found])
        assert isinstance(logged, list)  # noqa: S101 - flights with a request ID are no batch
        arrivals = [(each.key, event) for each in found for event in each.arrivals]
        if self._has_changed(version):  # an arrival may have come meanwhile, and found no prediction
            events = await self._read(lambda store, _: store.events_of([OUTCOME_KIND], keys)[OUTCOME_KIND])
            arrivals = [(key, event) for key, some in events.items() for event in some]
        if arrivals:
            logged_as = {each.key: each.request_id for each in found}
            await self._report([(logged_as[key], event) for key, event in arrivals])
        return [answer_json(*pair) for pair in zip(found, logged, strict=True)]

    def _has_changed(self, version: int) -> bool:
        """Whether something may have changed since a data version; SQLite is asked once for all of one commit."""
        if version != self._local.version:
            return True
        if self._changed is None:
            self._changed = self._local.has_changed(version)
            asyncio.get_running_loop().call_soon(self._ask_again)
        return self._changed

    def _ask_again(self) -> None:
        self._changed = None

    async def _together(self, key: str, place: str) -> tuple[list[Found], int]:
        """One flight, looked up with those that are asked for at the same time; none if it has to be done alone.

        With it comes the data version: if it is another one later, an arrival may have come.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._look_up)
        self._waiting.append((key, place, loop.create_future()))
        return await self._waiting[-1][2]

    def _look_up(self) -> None:
        """Look up all that wait, by the same statements: each statement costs a wait for the log's thread."""
        waiting, self._waiting = self._waiting, []
        keys, places, futures = zip(*waiting, strict=True)
        now = datetime.now(UTC)
        try:
            found = self._local.read(lambda store, known: find(store, keys, now, places, known))
        except Refused:  # one of them
            found = None
        for place, future in enumerate(futures):
            if not future.done():
                future.set_result(([] if found is None else [found[place]], self._local.version))

    async def _read(self, work: Callable[[FeatureStore, Known], T]) -> T:
        """What some work reads in the store: at once if it can, or in the store's thread.

        Raises
        ------
        Refused
            The work says so, or the store cannot be read.
        """
        found = self._local.read(work)
        if found is not None:
            return found

        self._handed_over += 1

        def look() -> T | Refused:
            with self._store.transaction():
                try:
                    result: T | Refused = work(self._store, Known())
                except Refused as refused:
                    result = refused
            self._local.open()
            return result

        try:
            result = await self._thread.run(look)
        except LogUnavailable as error:
            unavailable(error)
            raise Refused(503, "Feature store unavailable", "The inputs cannot be looked up.", retry_after=1) from None
        if isinstance(result, Refused):
            raise result
        return result

    async def _predicted(self, arrivals: Sequence[Event]) -> list[tuple[str, Event]]:
        """The logged predictions of the flights that arrived."""
        log, query = self._service.log, "SELECT request_id FROM predictions WHERE request_id > ? AND request_id < ?"

        def look() -> list[tuple[str, Event]]:
            with log.transaction():
                names = [log.rows(query, (f"{each.entity}:", f"{each.entity};")) for each in arrivals]
            return [(name, each) for each, some in zip(arrivals, names, strict=True) for (name,) in some]

        try:
            return await self._service.scorer.log_thread.run(look) if arrivals else []
        except LogUnavailable as error:
            raise unavailable(error) from None

    async def _report(self, arrivals: Sequence[tuple[str, Event]]) -> int:
        """Write the outcomes of predictions, and return how many are new."""
        now = datetime.now(UTC)
        rows = [
            Outcome(
                name, each.known_at, json.loads(each.content)[OUTCOME], timestamp(now + timedelta(microseconds=place))
            )
            for place, (name, each) in enumerate(arrivals)
        ]
        if not rows:
            return 0
        try:
            repeated, _ = await self._service.scorer.log_thread.run(self._service.log.write_outcomes, rows)
        except LogUnavailable as error:
            raise unavailable(error) from None
        for observer in self._service.scorer.observers:
            observer.outcomes(len(rows) - repeated)
        return len(rows) - repeated


def unavailable(error: LogUnavailable) -> Refused:
    """The refusal, after the reason was logged: a client does not get it."""
    logger.error("prediction log or feature store unavailable", extra={"error": str(error)})
    return log_unavailable()
