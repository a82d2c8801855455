"""The readers of the declaration in `dataset.py`: pandera schema, arrays, allowed values in words, digest.

One declaration, many readers: the schema that guards batches, the request body, the data dictionary and the monitored
columns all come from it.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from flights.artifacts import digest
from flights.columns import Column, Columns, DeclarationError, Kind
from flights.dataset import EVENT_TIME, INPUTS, KEY, LOCATION, OUTCOME, OUTCOME_TIME, OUTCOMES, ROW_KEY

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

DTYPES = {"text": "str", "integer": "int64", "number": "float64", "time": "datetime64[us, UTC]"}


def table(key: Column, inputs: tuple[Column, ...], outcomes: tuple[Column, ...]) -> tuple[Column, ...]:
    """All columns of a row, after a check that each role has a column of its kind."""
    roles = (
        ("KEY", KEY, "text", (key,)),
        ("EVENT_TIME", EVENT_TIME, "time", inputs),
        ("LOCATION", LOCATION, "text", inputs),
        ("OUTCOME", OUTCOME, "number", outcomes),
        ("OUTCOME_TIME", OUTCOME_TIME, "time", outcomes),
    )
    for role, name, kind, columns in (each for each in roles if each[:2] != ("LOCATION", "")):
        candidates = [column.name for column in columns if column.kind == kind]
        if name not in candidates:
            raise DeclarationError(
                f"{role} is `{name}`, expected a declared {kind} column: {', '.join(candidates) or 'none'}"
            )
    return (key, *inputs, *outcomes)


TABLE = table(ROW_KEY, INPUTS, OUTCOMES)
PERSONAL = frozenset(column.name for column in INPUTS if column.personal)


def as_arrays(frame: "pd.DataFrame", columns: tuple[Column, ...] = INPUTS) -> Columns:
    """Plain NumPy columns of a frame: text as objects (missing is None), times as UTC `datetime64[us]`."""
    return {column.name: _array(frame[column.name], column.kind) for column in columns}


def _array(series: "pd.Series[Any]", kind: Kind) -> NDArray[Any]:
    if kind == "text":
        return np.asarray(series.astype(object).where(series.notna(), None))
    if kind == "time":
        return np.asarray(series.dt.tz_convert(None), dtype="datetime64[us]")
    return np.asarray(series, dtype=np.int64 if kind == "integer" else np.float64)


def schema_digest(columns: tuple[Column, ...] = TABLE) -> str:
    """One digest of everything declared about the columns: it changes when the contract does."""
    return digest(repr(column) for column in columns)


def contract(columns: tuple[Column, ...] = TABLE, *, strict: bool | Literal["filter"] = True) -> "pa.DataFrameSchema":
    """The pandera schema of some columns: exact types, no coercion, unknown columns rejected (or dropped)."""
    import pandera.pandas as pa

    schema = {
        column.name: pa.Column(DTYPES[column.kind], _checks(column), nullable=column.nullable) for column in columns
    }
    keyed = KEY in schema
    return pa.DataFrameSchema(
        schema,
        checks=[pa.Check(_in_time_order, error="rows in the order of time")] if keyed and EVENT_TIME in schema else [],
        strict=strict,
        coerce=False,
        unique=[KEY] if keyed else None,
    )


def _in_time_order(frame: "pd.DataFrame") -> bool:
    return bool(frame[EVENT_TIME].dropna().is_monotonic_increasing)


def _checks(column: Column) -> "list[pa.Check]":
    import pandera.pandas as pa

    rule = {"error": f"allowed is {allowed(column)}"}
    checks = []
    if column.categories:
        checks.append(pa.Check.isin(column.categories, **rule))
    if column.pattern:
        checks.append(pa.Check.str_matches(column.pattern, **rule))
    if column.minimum is not None:
        checks.append(pa.Check.in_range(column.minimum, column.maximum, **rule))
    return checks


def allowed(column: Column) -> str:
    """The values that a column may hold, in words."""
    if column.categories:
        words = "one of " + ", ".join(column.categories)
    elif column.pattern:
        words = f"text like {column.pattern}"
    elif column.minimum is not None:
        words = f"{column.minimum:g} to {column.maximum:g}"
    else:
        words = "any"
    return words + (", or missing" if column.nullable else "")
