"""The routes: events in, predictions by key out. An arrival is the outcome of the predictions for its flight."""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from flights.dataset import KEY, OUTCOME
from flights.extras.feature_store import Settings as StoreSettings
from flights.extras.feature_store.tables import Event, entity_name
from flights.extras.feature_views.kinds import BY_NAME, OUTCOME_KIND
from flights.predictions import Outcome, Prediction, timestamp
from serving.answer import answer
from serving.extras.by_key.bodies import AnswerByKey, AnswersByKey, AnyEvent, Events, EventsReceipt, Key, Keys
from serving.extras.by_key.lookup import Found, find, minute
from serving.extras.by_key.readers import Readers
from serving.extras.by_key.store import Accepted, FeatureStore
from serving.fast_path import Endpoint
from serving.log_connection import LogUnavailable
from serving.prediction_log import LogThread
from serving.refusal import (
    CONTRACT_VIOLATED,
    MAX_ERRORS,
    STATUSES,
    FieldProblem,
    Refused,
    invalid,
    log_unavailable,
    problems,
)
from serving.request import MAX_ROWS, Flight
from serving.service import Service

logger = logging.getLogger("serving")

MAX_AHEAD = timedelta(minutes=5)  # of a client's clock before ours
RECEIPT_JSON, ANSWER_JSON, ANSWERS_JSON = (
    TypeAdapter(model).serializer for model in (EventsReceipt, AnswerByKey, AnswersByKey)
)


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
        self._thread.executor.submit(self._store.clock)

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
        return ANSWER_JSON.to_json((await self._answers([getattr(key, KEY)], [KEY]))[0])

    async def predict_batch(self, keys: Keys) -> bytes:
        """Predict several flights by their keys, all or none."""
        self._service.scorer.check_capacity(len(keys.keys))
        places = [f"keys[{place}]" for place in range(len(keys.keys))]
        return ANSWERS_JSON.to_json(AnswersByKey(predictions=await self._answers(keys.keys, places)))

    async def _answers(self, keys: Sequence[str], places: Sequence[str]) -> list[AnswerByKey]:
        found, arrivals = await self._in_store(keys, places)
        logged = await self._service.scorer.predictions([validated(each) for each in found])
        assert isinstance(logged, list)  # noqa: S101 - flights with a request ID are no batch
        await self._report([(one.request_id, each) for one, some in zip(found, arrivals, strict=True) for each in some])
        return [answer_by_key(*pair) for pair in zip(found, logged, strict=True)]

    async def _in_store(self, keys: Sequence[str], places: Sequence[str]) -> tuple[list[Found], list[list[Event]]]:
        """The inputs of each flight, and its arrivals if they are known already.

        Raises
        ------
        Refused
            A key is not known, or the store cannot be read.
        """
        now = datetime.now(UTC)

        def look() -> tuple[list[Found], list[list[Event]]] | Refused:
            with self._store.transaction():
                try:
                    found = [find(self._store, key, now, place) for key, place in zip(keys, places, strict=True)]
                except Refused as refused:
                    return refused
                return found, [self._store.versions(OUTCOME_KIND, key) for key in keys]

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


def check_clocks(events: Events, now: datetime) -> None:
    """Refuse what is known before it happened, or is not yet known.

    Raises
    ------
    Refused
        The clocks of an event contradict each other, or ours.
    """
    latest = (now + MAX_AHEAD).replace(tzinfo=None)
    wrong = []
    for place, event in enumerate(events.events):
        if event.known_at > latest:
            wrong.append(FieldProblem(field=f"events[{place}].known_at", expected="a time that is not in the future"))
        elif event.event_time > event.known_at and not BY_NAME[event.kind].ahead:
            wrong.append(FieldProblem(field=f"events[{place}].known_at", expected="a time not before event_time"))
    if events.complete_until is not None and events.complete_until > latest:
        wrong.append(FieldProblem(field="complete_until", expected="a time that is not in the future"))
    if wrong:
        raise Refused(422, "Invalid request", CONTRACT_VIOLATED, wrong[:MAX_ERRORS])


def stored(event: AnyEvent, received_at: str) -> Event:
    """An event as the store keeps it."""
    kind = BY_NAME[event.kind]
    times = {"event_time": timestamp(event.event_time)}
    content = {column.name: getattr(event, column.name) for column in kind.columns}
    happened, known = event.event_time.replace(tzinfo=UTC), event.known_at.replace(tzinfo=UTC)
    return Event(
        kind.name,
        entity_name(tuple(times.get(name) or content[name] for name in kind.entity)),
        timestamp(event.known_at),
        times["event_time"],
        json.dumps(content, separators=(",", ":")),
        minute(happened),
        minute(known + timedelta(minutes=1, microseconds=-1)),  # what became known within a minute counts from its end
        received_at,
    )


def validated(found: Found) -> Flight:
    """A flight with its inputs, checked by the same contract as a body of `/predict`.

    Raises
    ------
    Refused
        The store holds what the contract does not allow.
    """
    try:
        return Flight(**found.inputs, request_id=found.request_id)
    except ValidationError as error:
        problem = invalid(error.errors(include_url=False, include_context=False, include_input=False))
        raise Refused(503, "Invalid features", "The feature store violates the contract.", problem.errors) from None


def answer_by_key(found: Found, prediction: Prediction) -> AnswerByKey:
    """The answer to one logged prediction."""
    return AnswerByKey(**dict(answer(prediction)), tick=f"{found.tick:%Y-%m-%dT%H:%MZ}", views=found.views)
