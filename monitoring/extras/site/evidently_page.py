"""Evidently's report of one week, with our columns, methods and limits: the distributions behind the distances.

Evidently takes seconds to import, so only this module does, and only when a page is out of date. Evidently fails on
an empty week and on a column without values: such a week gets no page, such a column is left out.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from flights.artifacts import digest, write_atomically
from monitoring.checks.drift import NUMBERS, TEXTS

MAX_ROWS = 2000  # of the reference and of the week: enough for a chart


def write_week(path: Path, reference: pd.DataFrame, week: pd.DataFrame, limits: Mapping[str, float]) -> bool:
    """Write the page unless it is there for the same rows; returns whether there is one.

    Parameters
    ----------
    reference, week
        Compared columns; categories that the reference does not know have been replaced.
    limits
        Distance of each column above which Evidently calls it drift.
    """
    reference, week = (rows[:: max(1, len(rows) // MAX_ROWS)] for rows in (reference, week))
    columns = [name for name in week if reference[name].notna().any() and week[name].notna().any()]
    if not columns:
        path.unlink(missing_ok=True)
        return False
    mark = f"<!-- {_digest(reference[columns], week[columns], limits)} -->"
    if not (path.is_file() and path.read_bytes().endswith(mark.encode())):
        page = _page(reference[columns], week[columns], limits) + mark
        write_atomically(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))
    return True


def _page(reference: pd.DataFrame, week: pd.DataFrame, limits: Mapping[str, float]) -> str:
    os.environ.setdefault("DO_NOT_TRACK", "true")
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    columns = [str(name) for name in week]
    definition = DataDefinition(
        numerical_columns=[name for name in columns if name in NUMBERS],
        categorical_columns=[name for name in columns if name in TEXTS],
    )
    metrics = [
        ValueDrift(
            column=name,
            method="wasserstein" if name in NUMBERS else "jensenshannon",
            threshold=float(limits.get(name, float("nan"))),
        )
        for name in columns
    ]
    current, past = (Dataset.from_pandas(rows, data_definition=definition) for rows in (week, reference))
    result = Report(metrics, include_tests=True).run(current_data=current, reference_data=past)
    return str(result.get_html_str(as_iframe=False))


def _digest(reference: pd.DataFrame, week: pd.DataFrame, limits: Mapping[str, float]) -> str:
    hashed = (pd.util.hash_pandas_object(rows, index=False).sum() for rows in (reference, week))
    return digest([*(str(number) for number in hashed), str(len(week)), str(sorted(limits.items()))])
