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


@pytest.mark.parametrize("row", [0, 12_000, 119_999])
def test_one_code_in_any_row_makes_a_text(tmp_path, row):
    """Wherever it is: a column of whole numbers, and one with a missing value."""
    rows = pd.DataFrame({"code": range(10_000, 130_000), "other": range(120_000)}, dtype="str")
    rows.loc[row, "code"] = "00123"
    rows.loc[5, "other"] = None
    rows.loc[row, "other"] = "07"
    rows.to_csv(tmp_path / "table.csv", index=False)
    read = read_table(tmp_path / "table.csv")
    assert (read["code"][row], read["code"][50], read["other"][row]) == ("00123", "10050", "07")


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("b.csv", "a.csv"), ("a.csv.gz", "b.csv")])
def test_a_code_in_one_file_makes_a_text_in_all(tmp_path, names):
    """A folder: postcodes with a leading zero in one file, none in the other; a number stays one."""
    with_zero, without = (pd.DataFrame({"post": post, "n": [1, 2]}) for post in (["01067", "99"], ["10115", "98"]))
    with_zero.to_csv(tmp_path / names[0], index=False)
    without.to_csv(tmp_path / names[1], index=False)
    read = read_table(tmp_path)
    assert sorted(read["post"]) == ["01067", "10115", "98", "99"]
    assert read["n"].tolist() == [1, 2, 1, 2]
