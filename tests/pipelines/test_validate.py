"""A bad row goes to quarantine with its reason; a bad table, or too many bad rows, stops the run."""

import numpy as np
import pandas as pd
import pytest

from flights.artifacts import read_parquet, sha256, write_parquet
from flights.contract import TABLE
from flights.dataset import INPUTS
from pipelines import validate
from pipelines.contract_check import ContractBroken

LOW = next(column for column in INPUTS if column.kind in {"integer", "number"} and column.minimum is not None)
CHOICE = next(column for column in INPUTS if column.categories)


def below(rows, bad):
    """The values of `LOW`, those of some rows below its range."""
    return rows[LOW.name].mask(bad, LOW.minimum - 1).astype(rows[LOW.name].dtype)


@pytest.fixture(scope="module")
def rows(collected) -> pd.DataFrame:
    """Real rows that keep the contract."""
    return read_parquet(collected / "1_raw" / "valid.parquet", "")[:3000]


@pytest.fixture
def folder(rows, tmp_path, monkeypatch):
    """A raw folder that was validated once."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    write_parquet(tmp_path / "1_raw" / "collected.parquet", rows)
    validate.main()
    return tmp_path / "1_raw"


@pytest.mark.exhibit
def test_the_real_data_loses_one_broken_anemometer(collected):
    """One cell of the source says 1,048 mph; the flights that had it as their weather are refused, and no others."""
    quarantine = read_parquet(collected / "1_raw" / "quarantine.parquet", "")
    assert len(quarantine) == 32
    assert set(quarantine["wind_speed"].round()) == {1048.0}
    assert set(quarantine["reasons"]) == {"wind_speed: allowed is 0 to 150, or missing, got 1048.36058"}
    assert list(quarantine.columns) == [*(column.name for column in TABLE), "reasons"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda rows: rows.drop(columns=LOW.name), LOW.name),
        (lambda rows: rows.assign(wind_gust=1.0), "wind_gust"),
        (lambda rows: rows.assign(**{LOW.name: rows[LOW.name].astype("str")}), LOW.name),
        (lambda rows: rows[::-1].reset_index(drop=True), "order of time"),
        (lambda rows: rows[:0], "empty table"),
    ],
)
def test_a_table_that_is_wrong_as_a_whole_stops_the_run(rows, folder, fault, reason):
    """Planted: nothing is repaired, and the earlier valid rows stay."""
    before = sha256(folder / "valid.parquet")
    write_parquet(folder / "collected.parquet", fault(rows))
    with pytest.raises(ContractBroken, match=reason):
        validate.main()
    assert sha256(folder / "valid.parquet") == before


def test_too_many_bad_rows_stop_the_run(rows, folder):
    """Planted: 2 % of the rows below the range. One per cent passes, and is quarantined."""
    before = sha256(folder / "valid.parquet")
    bad = np.arange(len(rows)) % 50 == 0
    write_parquet(folder / "collected.parquet", rows.assign(**{LOW.name: below(rows, bad)}))
    with pytest.raises(ContractBroken, match=r"60 of 3,000 rows violate the contract \(limit 1%\): .*quarantine"):
        validate.main()
    assert sha256(folder / "valid.parquet") == before
    assert len(read_parquet(folder / "quarantine.parquet", "")) == 60
    bad = np.arange(len(rows)) % 100 == 0
    write_parquet(folder / "collected.parquet", rows.assign(**{LOW.name: below(rows, bad)}))
    validate.main()
    assert len(read_parquet(folder / "valid.parquet", "")) == len(rows) - 30
