"""Validate: the contract over every collected row; what breaks it goes to quarantine with its reasons, not to training.

A row is refused on its own. A fault of the table as a whole (a column missing, added or of another type, rows out of
time order), or too many refused rows, stops the run and leaves the earlier `valid.parquet` in place.
"""

from typing import Any

import pandas as pd

from flights.artifacts import read_parquet, write_parquet
from flights.config import Settings
from flights.contract import contract
from flights.dataset import ROWS
from flights.files import COLLECTED_FILE, VALID_FILE
from pipelines.step import size, step

WHERE = "What dataset.py declares and what pipelines/collect.py delivers must be the same columns and types"
REFUSED_SHARE = 0.01  # of all rows: more than this is no longer a few bad cells


class ContractBroken(ValueError):
    """The table as a whole breaks the contract, or too much of it does."""


def main() -> None:
    """Divide the collected rows into valid and refused ones."""
    raw = Settings().raw_dir
    with step("validate") as said:
        collected = read_parquet(raw / COLLECTED_FILE, "run `make collect`")
        valid, refused = judged(collected)
        quarantine = write_parquet(raw / "quarantine.parquet", refused)
        refuse_if_too_many(len(refused), len(collected), f"the reasons are in {quarantine}")
        path = write_parquet(raw / VALID_FILE, valid)
        said.read = f"{len(collected):,} {ROWS}"
        said.wrote = f"{len(valid):,} valid to {path} ({size(path)}), {len(refused):,} refused to {quarantine}"


def judged(collected: pd.DataFrame, schema: Any = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows that keep the contract (or another schema), and rows that do not, these with a column `reasons`.

    Raises
    ------
    ContractBroken
        The table as a whole breaks it: no row can be trusted.
    """
    if collected.empty:
        raise ContractBroken(f"expected {ROWS}, got an empty table: run `make collect`")
    broken = failures(collected, schema or contract())
    whole = broken[broken["index"].isna()]
    if len(whole):
        broke = "; ".join(whole["reason"].unique())
        raise ContractBroken(f"the table breaks the contract: {broke}. {WHERE}")
    reasons = broken.groupby("index")["reason"].agg(lambda texts: "; ".join(sorted(set(texts))))
    refused = collected.index.isin(reasons.index)
    quarantine = collected[refused].assign(reasons=reasons.astype("str"))
    return collected[~refused].reset_index(drop=True), quarantine.reset_index(drop=True)


def failures(collected: pd.DataFrame, schema: Any) -> pd.DataFrame:
    """One line per broken rule: the row's `index` (missing if it is the whole table's) and the `reason`."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(collected, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        column = cases["column"].fillna("table").astype("str")
        value = cases["failure_case"].astype("str")
        return pd.DataFrame({"index": cases["index"], "reason": column + ": " + cases["check"] + ", got " + value})
    return pd.DataFrame({"index": [], "reason": []}, dtype="str")


def refuse_if_too_many(refused: int, total: int, hint: str) -> None:
    """Stop when more than `REFUSED_SHARE` of the rows break the contract.

    Raises
    ------
    ContractBroken
        Too many rows were refused.
    """
    if refused > REFUSED_SHARE * total:
        raise ContractBroken(
            f"{refused:,} of {total:,} rows break the contract, at most {REFUSED_SHARE:.0%} may: {hint}"
        )


if __name__ == "__main__":
    main()
