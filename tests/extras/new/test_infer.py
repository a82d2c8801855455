"""What is inferred from a table: names, kinds, ranges, categories, and what is left out."""

import gzip

import numpy as np
import pandas as pd
import pytest

from extras.new import create, pages
from extras.new.dates import split_dates
from extras.new.infer import draft, widened
from extras.new.roles import checked_roles
from extras.new.table import Unreadable, as_times, read_table
from serving.fields import BOOLEAN
from tests.extras.new.tables import rentals, snapshots
from tests.extras.new.test_roles import options


@pytest.mark.parametrize(("low", "high", "expected"), [(0, 10, (0, 15)), (-3, 7, (-8, 12)), (5, 5, (2.5, 7.5))])
def test_ranges_are_widened_by_half_of_the_span_and_keep_their_sign(low, high, expected):
    """A number that was never negative stays so."""
    assert widened(low, high) == expected


def found_in(tmp_path, frame, **changed):
    frame.to_csv(tmp_path / "table.csv", index=False)
    chosen = options(tmp_path, **changed)
    return draft(chosen, checked_roles(read_table(chosen.source), chosen))


def test_kinds_ranges_and_categories_are_inferred(tmp_path):
    """Umlauts, ampersands, missing values, and a number that is missing."""
    found = found_in(tmp_path, rentals(), TIME="start", TARGET="booked", ZONE="Asia/Kolkata")
    guesses = {each.name: each for each in found.guesses}
    assert guesses["from_value"].categories == ("Alte Brücke", "São Paulo", "Zoo & Park")
    assert guesses["from_value"].nullable
    assert (guesses["waerme"].kind, guesses["waerme"].nullable) == ("number", True)
    assert guesses["class_value"].kind == "integer"
    assert found.left_out == []
    assert found.calendar == ["minute_of_day", "weekday"]
    assert all(each.review for each in found.guesses)


def test_what_must_not_be_a_feature_is_left_out_with_the_evidence(tmp_path):
    """Planted: leaks of three kinds, an identifier, a constant, prose, personal data, and an empty column."""
    frame = snapshots()
    random = np.random.default_rng(0)
    rows = len(frame)
    frame["score"] = frame["label"] + 0.1 * random.normal(size=rows)
    frame["cancelled on"] = frame["Snapshot week"].where(frame["label"] == 1) + pd.Timedelta(days=9)
    frame["reason"] = np.where((frame["label"] == 1) & (random.random(rows) < 0.3), "price", None)
    frame["status"] = np.where(frame["label"] == 1, "gone", "here")
    frame["uid"] = [f"u{number}" for number in random.permutation(rows)]
    frame["country"] = "DE"
    frame["note"] = [f"called twice about a bill, number {number}, and was kind" for number in range(rows)]
    frame["contact"] = [f"a{number % 300}@example.org" for number in range(rows)]
    frame["nothing"] = np.nan
    found = found_in(tmp_path, frame)
    reasons = {each.column: each.reason for each in found.left_out}
    assert reasons == {
        "score": "leak", "cancelled on": "leak", "reason": "leak", "status": "leak", "uid": "identifier",
        "country": "constant", "note": "free text", "contact": "personal data", "nothing": "empty",
    }  # fmt: skip
    assert all(each.evidence for each in found.left_out)
    assert {"one", "other", "text_6"} <= set(found.features)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet", "folder", "semicolon", "cp1252"])
def test_every_format_gives_the_same_table(tmp_path, suffix):
    """CSV, CSV.gz, Parquet, a folder of two files, decimal commas, and an old encoding."""
    frame = rentals().head(400)
    path = tmp_path / f"table.{suffix if suffix in ('csv', 'csv.gz', 'parquet') else 'csv'}"
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "csv.gz":
        path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    elif suffix == "folder":
        path = tmp_path / "folder"
        path.mkdir()
        frame[:100].to_csv(path / "a.csv", index=False)
        frame[100:].to_csv(path / "b.csv", index=False)
    else:
        shape = {"sep": ";", "decimal": ","} if suffix == "semicolon" else {}
        frame.to_csv(path, index=False, encoding="cp1252" if suffix == "cp1252" else "utf-8", **shape)
    read = read_table(path)
    assert list(read) == list(frame)
    assert read["from"].dropna().tolist() == frame["from"].dropna().tolist()
    np.testing.assert_allclose(read["Wärme"], frame["Wärme"])
    assert as_times(read["start"]).tolist() == frame["start"].dt.tz_localize("UTC").tolist()


def test_a_file_that_is_no_table_is_named(tmp_path):
    """Planted: no file, another suffix, binary data, and a folder whose files differ."""
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    (tmp_path / "x.csv").write_bytes(b"a,b\n\0\1")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "a.csv").write_text("a\n1\n")
    (tmp_path / "two" / "b.csv").write_text("b\n1\n")
    for name, said in [("none.csv", "no such"), ("x.pdf", "expected .csv"), ("x.csv", "binary"), ("two", "differ")]:
        with pytest.raises(Unreadable, match=said):
            read_table(tmp_path / name)


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["31.01.2024", "01.02.2024"], "2024-01-31"),
        (["01/31/2024", "02/01/2024"], "2024-01-31"),
        (["31/01/2024 10:30", "01/02/2024 11:00"], "2024-01-31 10:30"),
        (["2024-01-31T10:30:00+02:00", "2024-06-01T00:00:00+01:00"], "2024-01-31 08:30"),
        ([1706697000, 1706783400], "2024-01-31 10:30"),
        ([20240131, 20240201], "2024-01-31"),
    ],
)
def test_times_of_many_forms_are_read(texts, first):
    """Days first or months first, offsets, seconds, and days as numbers."""
    assert as_times(pd.Series(texts, name="t"))[0] == pd.Timestamp(first, tz="UTC")


@pytest.mark.parametrize("values", [(True, False), ("true", "false"), ("TRUE", "FALSE")])
def test_a_column_of_true_and_false_takes_json_true(tmp_path, values):
    """With and without missing values; a number is no answer."""
    frame = snapshots().assign(vip=np.where(np.arange(1500) % 3 == 0, *values))
    frame["member"] = frame["vip"].astype(object).where(np.arange(1500) % 7 > 0)
    found = found_in(tmp_path, frame)
    guesses = {each.name: each for each in found.guesses}
    assert guesses["vip"].categories == guesses["member"].categories == BOOLEAN
    assert isinstance(pages.request(found, split_dates(found))["vip"], bool)


def test_times_become_ages_with_names_of_their_own(tmp_path, capsys):
    """Printed with the features; planted: a number that is called like an age."""
    frame = snapshots()
    frame["last visit"] = frame["Snapshot week"] - pd.to_timedelta(np.arange(1500) % 90 + 1, unit="D")
    frame["signed"] = frame["last visit"] - pd.Timedelta(days=3)
    frame["days since signed"] = frame["one"]
    found = found_in(tmp_path, frame)
    assert found.ages == ["days_since_last_visit", "days_since_signed_then"]
    create.print_draft(found)
    assert "days_since_last_visit, days_since_signed_then, " in capsys.readouterr().out
