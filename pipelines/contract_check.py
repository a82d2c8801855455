"""Check rows against the data contract: valid rows on one side, rejected rows with their reasons on the other."""

from typing import Any

import pandas as pd

from flights.contract import contract
from flights.dataset import ROWS

REQUIRED = "a value is required, got nothing"
MAX_REJECTED_SHARE = 0.01  # of all rows: more is not a few bad cells


class ContractBroken(ValueError):
    """The table as a whole violates the contract, or too many of its rows do."""


def checked_rows(collected: pd.DataFrame, schema: Any = None, hint: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Valid rows, and rejected rows with a column `reasons`; `schema` replaces the data contract."""
    hint = hint or "Declare in dataset.py the same columns and types as pipelines/collect.py delivers"
    if collected.empty:
        raise ContractBroken(f"expected {ROWS}, got an empty table: run `make collect`")
    schema = schema or contract()
    typed, missing = typed_columns(collected, schema)
    violations = pd.concat([missing, contract_violations(typed, schema)])
    of_table = violations[violations["index"].isna()]
    if len(of_table):
        raise ContractBroken(f"the table violates the contract: {'; '.join(of_table['reason'].unique())}. {hint}")
    reasons = violations.groupby("index")["reason"].agg(lambda texts: "; ".join(sorted(set(texts))))
    rejected = collected.index.isin(reasons.index)
    quarantine = collected[rejected].assign(reasons=reasons.astype("str"))
    return typed[~rejected].reset_index(drop=True), quarantine.reset_index(drop=True)


def typed_columns(collected: pd.DataFrame, schema: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows with the types that missing values have changed, and one violation per missing integer.

    An integer column with a missing value is read as floats, and a column that is missing throughout has no type.
    """
    typed, missing = collected.copy(deep=False), [pd.DataFrame({"index": [], "reason": []}, dtype=object)]
    for name in typed.columns.intersection(list(schema.columns)):
        declared, values = schema.columns[name], typed[name]
        absent = values.isna()
        if absent.all() and declared.nullable:
            typed[name] = values.astype(declared.dtype.type)
        elif absent.any() and str(declared.dtype) == "int64" and (values.dropna() % 1 == 0).all():
            typed[name] = values.ffill().bfill().astype("int64")
            missing.append(pd.DataFrame({"index": typed.index[absent], "reason": f"{name}: {REQUIRED}"}))
    return typed, pd.concat(missing)


def contract_violations(collected: pd.DataFrame, schema: Any) -> pd.DataFrame:
    """One line per violation: the row's `index` (missing if the whole table violates it) and the `reason`."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(collected, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        column = cases["column"].fillna("table").astype("str")
        reason = cases["check"] + ", got " + cases["failure_case"].astype("str").fillna("nothing")
        reason = reason.where(cases["check"] != "not_nullable", REQUIRED)
        return pd.DataFrame({"index": cases["index"], "reason": column + ": " + reason})
    return pd.DataFrame({"index": [], "reason": []}, dtype="str")


def limit_rejected_rows(rejected: int, total: int, hint: str) -> None:
    """Fail if more than `MAX_REJECTED_SHARE` of the rows were rejected."""
    if rejected > MAX_REJECTED_SHARE * total:
        raise ContractBroken(
            f"{rejected:,} of {total:,} rows violate the contract (limit {MAX_REJECTED_SHARE:.0%}): {hint}"
        )
