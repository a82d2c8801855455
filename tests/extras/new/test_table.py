"""Files, folders of them, and local times."""

import pandas as pd
import pytest

from extras.new.table import Unreadable, as_times, read_table
from tests.extras.new.tables import snapshots


@pytest.mark.parametrize(
    ("zone", "moment"), [("Asia/Kolkata", "05:00"), ("America/Phoenix", "17:30"), ("UTC", "10:30"), ("", "10:30")]
)
def test_local_times_are_read_in_their_zone(zone, moment):
    """Half past ten in Kolkata is five o'clock in UTC."""
    assert as_times(pd.Series(["2024-01-31 10:30"], name="t"), zone)[0] == pd.Timestamp(f"2024-01-31T{moment}Z")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".tsv"])
def test_a_folder_is_read_as_one_table(tmp_path, suffix):
    """In the order of the names, below folders too; what is no table is left alone."""
    rows = snapshots()
    (tmp_path / "rows" / "2024").mkdir(parents=True)
    (tmp_path / "rows" / "_SUCCESS").touch()
    for name, part in (("a", rows[:700]), ("2024/b", rows[700:])):
        path = tmp_path / "rows" / f"{name}{suffix}"
        part.to_parquet(path) if suffix == ".parquet" else part.to_csv(
            path, index=False, sep="\t" if suffix == ".tsv" else ","
        )
    read = read_table(tmp_path / "rows")
    assert sorted(read["one"].round(9)) == sorted(rows["one"].round(9))
    assert read.columns.tolist() == rows.columns.tolist()
    moments = as_times(read["Snapshot week"]).dt.tz_localize(None).sort_values()
    assert moments.tolist() == rows["Snapshot week"].tolist()


def test_files_of_a_folder_with_other_columns_are_rejected(tmp_path):
    """Injected: a column more in the second file."""
    snapshots().to_csv(tmp_path / "a.csv", index=False)
    snapshots().assign(extra=1).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(Unreadable, match=r"b\.csv: its columns differ from those of .*a\.csv: extra"):
        read_table(tmp_path)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize("code", ["{:05}", "0{}", "00{:03}"])
def test_digits_with_leading_zeros_are_texts(tmp_path, suffix, code):
    """Postcodes and keys keep them; a number stays one, with a decimal comma as well, and what is missing is so."""
    texts = [code.format(number) for number in range(1, 20)]
    rows = pd.DataFrame({"code": [*texts, None], "number": range(20), "share": [0.5 * n for n in range(20)]})
    rows.to_csv(tmp_path / f"table{suffix}", index=False, sep=";", decimal=",")
    read = read_table(tmp_path / f"table{suffix}")
    assert read["code"].dropna().tolist() == texts
    assert (read["number"].tolist(), read["share"].tolist()) == (rows["number"].tolist(), rows["share"].tolist())
