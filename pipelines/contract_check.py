"""Check rows against the data contract: valid rows on one side, rejected rows with their reasons on the other."""

from typing import Any

import pandas as pd

from flights.contract import contract
from flights.dataset import ROWS

MAX_REJECTED_SHARE = 0.01  # of all rows: more is not a few bad cells


class ContractBroken(ValueError):
    """The table as a whole violates the contract, or too many of its rows do."""


def checked_rows(collected: pd.DataFrame, schema: Any = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Valid rows, and rejected rows with a column `reasons`; `schema` replaces the data contract."""
    if collected.empty:
        raise ContractBroken(f"expected {ROWS}, got an empty table: run `make collect`")
    violations = contract_violations(collected, schema or contract())
    of_table = violations[violations["index"].isna()]
    if len(of_table):
        raise ContractBroken(
            f"the table violates the contract: {'; '.join(of_table['reason'].unique())}. Declare in dataset.py the "
            "same columns and types as pipelines/collect.py delivers"
        )
    reasons = violations.groupby("index")["reason"].agg(lambda texts: "; ".join(sorted(set(texts))))
    rejected = collected.index.isin(reasons.index)
    quarantine = collected[rejected].assign(reasons=reasons.astype("str"))
    return collected[~rejected].reset_index(drop=True), quarantine.reset_index(drop=True)


def contract_violations(collected: pd.DataFrame, schema: Any) -> pd.DataFrame:
    """One line per violation: the row's `index` (missing if the whole table violates it) and the `reason`."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(collected, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        column = cases["column"].fillna("table").astype("str")
        value = cases["failure_case"].astype("str")
        return pd.DataFrame({"index": cases["index"], "reason": column + ": " + cases["check"] + ", got " + value})
    return pd.DataFrame({"index": [], "reason": []}, dtype="str")


def limit_rejected_rows(rejected: int, total: int, hint: str) -> None:
    """Fail if more than `MAX_REJECTED_SHARE` of the rows were rejected."""
    if rejected > MAX_REJECTED_SHARE * total:
        raise ContractBroken(
            f"{rejected:,} of {total:,} rows violate the contract (limit {MAX_REJECTED_SHARE:.0%}): {hint}"
        )
