"""A large request in the prediction log: one row for all of its flights, at a tenth of the cost of a row for each.

It holds all values of those rows, as columns of eight bytes a value. Readers expand it in memory.
"""

import json
import re
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flights.columns import Columns
from flights.dataset import EVENT_TIME, INPUTS
from flights.rows import event_times

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
ROW_OF_BATCH = re.compile(r"([0-9a-f]{32})-(\d+)")  # the request ID of a row in a batch


class Batch(NamedTuple):
    """Predictions of one request, by one version and with IDs of the server, in the order of the table's columns."""

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
        """The probability of each row."""
        answer: list[float] = self._numbers()[-1].view(np.float64).tolist()
        return answer

    def request_ids(self) -> list[str]:
        """The request ID of each row."""
        return [f"{self.batch_id}-{place}" for place in range(self._numbers().shape[1])]

    def event_times(self) -> list[str]:
        """The event time of each row, as the log writes it."""
        numbers = self._numbers()[list(NUMBERS).index(EVENT_TIME)]
        return event_times({EVENT_TIME: numbers.view("datetime64[us]")})

    def rows(self) -> list[tuple[Any, ...]]:
        """The same predictions as rows of the table `predictions`."""
        values = dict(zip(TEXTS, json.loads(self.texts), strict=True))
        for (name, kind), numbers in zip(NUMBERS.items(), self._numbers()[:-1], strict=True):
            values[name] = [_plain(value) for value in numbers.view(DTYPES[kind]).tolist()]
        inputs = zip(*[values[column.name] for column in INPUTS], strict=True)
        ids, times, chances = self.request_ids(), self.event_times(), self.probabilities()
        return [
            (name, self.answered_at, at, _flat_json(row), chance, chance >= self.threshold, *self[4:])
            for name, at, row, chance in zip(ids, times, inputs, chances, strict=True)
        ]

    def _numbers(self) -> NDArray[np.int64]:
        return np.frombuffer(self.numbers, np.int64).reshape(len(NUMBERS) + 1, -1)


def packed(columns: Columns, probabilities: NDArray[np.float64]) -> tuple[str, bytes]:
    """Texts and numbers of a batch; personal columns are pseudonymized already."""
    numbers = [columns[name].astype(DTYPES[kind]).tobytes() for name, kind in NUMBERS.items()]
    return json.dumps([columns[name].tolist() for name in TEXTS]), b"".join([*numbers, probabilities.tobytes()])


def _plain(value: Any) -> Any:
    """A value for JSON; missing is null."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value != value else value  # noqa: PLR0124 - NaN is what differs from itself


def _flat_json(row: tuple[Any, ...]) -> str:
    """Inputs as one flat JSON object, exactly as `serving.request` writes those of a single flight."""
    named = {column.name: value for column, value in zip(INPUTS, row, strict=True)}
    return json.dumps(named, separators=(",", ":"), ensure_ascii=False)
