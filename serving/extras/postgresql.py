"""The prediction log in PostgreSQL, with every commit on the disk and no wait without end."""

import os
import socket
from typing import Any

from flights.log_url import read_url

OPTIONS: dict[str, Any] = {  # whatever the database's own settings are
    "connect_timeout": 2,  # seconds
    "tcp_user_timeout": 5_000,  # milliseconds until what was sent must have arrived
    "keepalives_idle": 5,  # seconds until a silent host is probed
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "options": "-c synchronous_commit=on -c statement_timeout=5000",  # milliseconds
}


def log_dialect(url: str) -> "Postgresql | None":
    """The dialect, if the URL is PostgreSQL's."""
    found = read_url(url)
    return Postgresql(found) if isinstance(found, str) else None


class Postgresql:
    """PostgreSQL by psycopg."""

    mark, some_rows = "%s", "ctid = ANY(ARRAY(SELECT ctid {}))"

    def __init__(self, url: str):
        import psycopg  # noqa: PLC0415 - SQLite does not need it

        self.errors = psycopg
        self._url = url

    def connect(self) -> Any:
        """Open a connection."""
        return self.errors.connect(self._url, **OPTIONS)

    def is_current(self) -> bool:
        """A connection has no file that can be replaced."""
        return True

    def committed(self) -> None:
        """Nothing to take note of."""

    def rescue(self, connection: Any) -> None:
        """Nothing to rescue."""

    def interrupt(self, connection: Any) -> None:
        """Shut the socket down under a call that hangs: a stopped database takes a request and never answers."""
        with socket.socket(fileno=os.dup(connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
