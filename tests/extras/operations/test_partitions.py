"""The partitions of a dataset are found in any layout, and what is none is named."""

from pathlib import Path

import numpy as np
import pytest

from extras.operations import partitions
from flights.dataset import INPUTS
from tests.serving.running import ROOT


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("s3://bucket/rows", "INPUT=s3://bucket/rows: expected a local folder or file"),
        ("/nowhere/rows.parquet", "INPUT=/nowhere/rows.parquet: no such folder or file"),
        (str(ROOT / "docs"), "docs: expected files that end with .parq, .parquet, .pq, got none"),
    ],
)
def test_an_input_that_is_none_is_one_line(source: str, said: str):
    """Injected: an object store, a path that does not exist, a folder without Parquet. The option is named."""
    with pytest.raises(SystemExit) as refusal:
        partitions.partitions(partitions.input_path(source))
    text = str(refusal.value)
    assert text.startswith("refused: INPUT=")
    assert (said in text, len(text.splitlines())) == (True, 1)


def test_files_are_found_at_any_depth_and_those_of_others_are_not(tmp_path: Path):
    """A folder with a suffix, an old suffix, a hive folder; names with a dot or an underscore first are left out."""
    names = ["a.parquet/part.parquet", "b.parquet", "c.pq", "day=1/d.parq", ".e.parquet", "_f/g.parquet", "h.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(partitions.place(file, tmp_path)) for file in partitions.partitions(tmp_path)]
    assert found == sorted(names[:4])


@pytest.mark.parametrize(
    ("folder", "value"), [("c=UA", "UA"), ("c=A%20%26%20B", "A & B"), ("c=__HIVE_DEFAULT_PARTITION__", None)]
)
def test_a_hive_folder_is_a_column(folder: str, value: str | None):
    """Quoted names are read, and the name for a missing value is one."""
    assert partitions.hive_values(Path(folder, "part.parquet")) == {"c": value}


def test_a_folders_value_has_the_declared_type():
    """A number is a number; one that cannot be it stays text, which the contract rejects."""
    number = next(column.name for column in INPUTS if column.kind == "number")
    assert partitions.of_kind("1.5", number, 2).tolist() == [1.5, 1.5]
    assert partitions.of_kind("high", number, 1).tolist() == ["high"]
    assert np.isnan(partitions.of_kind(None, number, 1).astype(float)).all()


def test_a_few_rejected_rows_are_not_too_many():
    """The limit is a share, so one bad row of a small file is too many and of a large one is not."""
    assert partitions.too_many(1, 50)
    assert not partitions.too_many(1, 100_000)
