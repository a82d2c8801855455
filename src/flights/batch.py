"""A large request in the prediction log: one row for all of its flights, at a tenth of what a row for each would cost.

It has everything that the rows would have, in columns of eight bytes a value. Nobody reads it so: who opens the log to
read turns what is there into rows of `predictions` first, and so does a server that is asked for one by its name.
"""

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flights.columns import Columns
from flights.dataset import EVENT_TIME, INPUTS

TABLE = """CREATE TABLE IF NOT EXISTS batches (
    batch_id VARCHAR(32) PRIMARY KEY,
    answered_at VARCHAR(32) NOT NULL,
    texts TEXT NOT NULL,
    numbers BYTEA NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    model_version INTEGER NOT NULL,
    model_digest VARCHAR(64) NOT NULL,
    served_by VARCHAR(16) NOT NULL,
    latency_us INTEGER NOT NULL
)"""

TEXTS = tuple(column.name for column in INPUTS if column.kind == "text")
NUMBERS = {column.name: column.kind for column in INPUTS if column.kind != "text"}
DTYPES = {"number": "float64", "integer": "int64", "time": "datetime64[us]"}
PAUSE_SECONDS = 0.005  # between two batches that become rows: a server that waits for the lock gets it


class Batch(NamedTuple):
    """One request's predictions, all by one version and named by the server, in the order of the table's columns."""

    batch_id: str
    answered_at: str
    texts: str  # the text columns, one JSON list for each
    numbers: bytes  # the other columns, one after the other as `DTYPES`, and then the probabilities
    threshold: float
    model_version: int
    model_digest: str
    served_by: str = "champion"
    latency_us: int = 0

    def probabilities(self) -> list[float]:
        """What the model said of each row."""
        answer: list[float] = self._numbers()[-1].view(np.float64).tolist()
        return answer

    def names(self) -> list[str]:
        """The request id of each row."""
        return [f"{self.batch_id}-{place}" for place in range(self._numbers().shape[1])]

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows of `predictions` that the request would have had."""
        values = dict(zip(TEXTS, json.loads(self.texts), strict=True))
        for (name, kind), numbers in zip(NUMBERS.items(), self._numbers()[:-1], strict=True):
            values[name] = [_plain(value) for value in numbers.view(DTYPES[kind]).tolist()]
        inputs = zip(*[values[column.name] for column in INPUTS], strict=True)
        scheduled = self._numbers()[list(NUMBERS).index(EVENT_TIME)].view("datetime64[us]")
        times = [f"{moment}Z" for moment in np.datetime_as_string(scheduled, unit="us").tolist()]
        return [
            (name, self.answered_at, at, _flat_json(row), chance, chance >= self.threshold, *self[4:])
            for name, at, row, chance in zip(self.names(), times, inputs, self.probabilities(), strict=True)
        ]

    def _numbers(self) -> NDArray[np.int64]:
        return np.frombuffer(self.numbers, np.int64).reshape(len(NUMBERS) + 1, -1)


def packed(columns: Columns, probabilities: NDArray[np.float64]) -> tuple[str, bytes]:
    """Texts and numbers of a batch, of its columns with pseudonyms for what is personal."""
    numbers = [columns[name].astype(DTYPES[kind]).tobytes() for name, kind in NUMBERS.items()]
    return json.dumps([columns[name].tolist() for name in TEXTS]), b"".join([*numbers, probabilities.tobytes()])


def spread(connection: Any, mark: str, only: Iterable[str] | None = None) -> None:
    """Turn batches into rows, each in a transaction of its own: a row is never there twice, and never missing.

    Parameters
    ----------
    connection
        The database driver's, with nothing under way.
    mark
        The driver's sign for a parameter.
    only
        The ids of some batches, which may be rows already; without them all of the log.
    """
    cursor = connection.cursor()
    if only is None:
        cursor.execute("SELECT batch_id FROM batches")
        only = [name for (name,) in cursor.fetchall()]
    for name in only:
        cursor.execute(f"DELETE FROM batches WHERE batch_id = {mark} RETURNING *", (name,))  # noqa: S608 - our own names
        found = cursor.fetchall()  # nothing where another reader was faster
        for batch in found:
            marks = ", ".join([mark] * 11)
            statement = f"INSERT INTO predictions VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
            cursor.executemany(statement, Batch(*batch).rows())
        connection.commit()
        if found:
            time.sleep(PAUSE_SECONDS)


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is missing is no value."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value != value else value  # noqa: PLR0124 - NaN is what differs from itself


def _flat_json(row: tuple[Any, ...]) -> str:
    """Inputs as `serving.request` writes those of a single flight."""
    named = {column.name: value for column, value in zip(INPUTS, row, strict=True)}
    return json.dumps(named, separators=(",", ":"), ensure_ascii=False)
