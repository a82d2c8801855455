"""Pseudonyms: personal values, and request IDs that are personal keys, are hashed with a key before they are logged.

A log belongs to one key: the first server writes the key's fingerprint into it, and a server with another key is
denied. The key itself is in `flights.extras.privacy`.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from flights.dataset import ROW_KEY
from flights.extras.privacy import Pseudonymizer, pseudonym_key, pseudonymizer
from serving.log_connection import LogConnection, LogUnavailable
from serving.prediction_log import PredictionLog
from serving.refusal import log_unavailable
from serving.request import Flight, Flights, Outcomes
from serving.service import Service

PROBE = re.compile(r"probe-[0-9a-f]{24}")  # the service's own request to itself
TABLE = "CREATE TABLE IF NOT EXISTS log_key (one INTEGER PRIMARY KEY CHECK (one = 1), fingerprint VARCHAR(32) NOT NULL)"


def plug_in(service: Service) -> None:
    """Hash in the scorer, and check the key of the log."""
    pseudonymize = patient_pseudonymizer(service.settings.data_dir)
    service.scorer.scoring.pseudonymize = pseudonymize
    guard(service.log, pseudonymize)
    if ROW_KEY.personal:
        hash_request_ids(service, pseudonymize)


def hash_request_ids(service: Service, pseudonymize: Pseudonymizer) -> None:
    """Let every body with keys of the data reach the service with their pseudonyms."""
    for path, endpoint in service.endpoints.items():
        if endpoint.body in (Flight, Flights, Outcomes):
            function = with_pseudonyms(service, pseudonymize, endpoint.function)
            service.endpoints[path] = replace(endpoint, function=function)


def with_pseudonyms(
    service: Service, pseudonymize: Pseudonymizer, function: Callable[[Any], Awaitable[bytes]]
) -> Callable[[Any], Awaitable[bytes]]:
    """A function of an endpoint that sees no key; IDs that the log has given stay, so that outcomes find them."""

    async def answer(body: Any) -> bytes:
        many: Sequence[Any] = [body]
        if isinstance(body, Flights | Outcomes):
            many = body.flights if isinstance(body, Flights) else body.outcomes
        named = [one for one in many if one.request_id and not PROBE.fullmatch(one.request_id)]
        try:
            given: set[str] = set()
            if named and isinstance(body, Outcomes):
                given = await service.scorer.log_thread.run(given_ids, service.log, [one.request_id for one in named])
            for one in named:
                if one.request_id not in given:
                    one.request_id = pseudonymize(one.request_id)
        except LogUnavailable:
            raise log_unavailable() from None
        return await function(body)

    return answer


def given_ids(log: PredictionLog, names: Sequence[str]) -> set[str]:
    """Which IDs name a logged prediction: pseudonyms, and what the server made up; never a key."""
    return {name for name in names if log.find(name) is not None}


def patient_pseudonymizer(data_dir: Path) -> Pseudonymizer:
    """The pseudonymizer of the data folder's key; if the key cannot be made or read, each use tries again."""
    make = cache(lambda: pseudonymizer(pseudonym_key(data_dir, make=True)))
    try:
        return make()
    except OSError:

        def pseudonymize(subject: str) -> str:
            try:
                return make()(subject)
            except OSError as error:
                raise LogUnavailable(f"no key for its pseudonyms: {error}") from error

        return pseudonymize


def guard(log: LogConnection, pseudonymize: Pseudonymizer) -> None:
    """Deny a log to every key but the first."""
    log.tables.append(TABLE)
    log.on_open.append(partial(check_key, pseudonymize, log.dialect.mark))


def check_key(pseudonymize: Pseudonymizer, mark: str, cursor: Any) -> None:
    """Compare the log's fingerprint, the pseudonym of the empty subject, with ours; a new log gets ours.

    Raises
    ------
    ValueError
        The log's pseudonyms were made with another key.
    """
    ours, query = pseudonymize(""), "SELECT fingerprint FROM log_key"
    cursor.execute(query)
    found = cursor.fetchone()
    if found is None:
        cursor.execute(f"INSERT INTO log_key VALUES (1, {mark}) ON CONFLICT DO NOTHING", (ours,))  # noqa: S608
        cursor.execute(query)
        found = cursor.fetchone()
    if found[0] != ours:
        raise ValueError(
            "the log's pseudonyms are made with another key: set PSEUDONYM_KEY as its other servers have it"
        )
