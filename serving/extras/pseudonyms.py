"""Pseudonyms: personal values are hashed with a key before they reach the prediction log.

A log belongs to one key: the first server writes the key's fingerprint into it, and a server with another key is
denied. The key itself is in `flights.extras.privacy`.
"""

from functools import cache, partial
from pathlib import Path
from typing import Any

from flights.extras.privacy import Pseudonymizer, pseudonym_key, pseudonymizer
from serving.log_connection import LogConnection, LogUnavailable
from serving.service import Service

TABLE = "CREATE TABLE IF NOT EXISTS log_key (one INTEGER PRIMARY KEY CHECK (one = 1), fingerprint VARCHAR(32) NOT NULL)"


def plug_in(service: Service) -> None:
    """Hash in the scorer, and check the key of the log."""
    pseudonymize = patient_pseudonymizer(service.settings.data_dir)
    service.scorer.scoring.pseudonymize = pseudonymize
    guard(service.log, pseudonymize)


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
