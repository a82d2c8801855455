"""The audit finds what was mislabelled on purpose, says how surely, and what it found in the real data."""

import numpy as np
import pandas as pd
import pytest

from extras.evidence import label_audit
from flights.artifacts import read_json
from pipelines.collection.timetable import TABLES, source_folder

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def tables():
    """The source's flights with an outcome, of four days, and its airports."""
    flights, airports = (pd.read_csv(source_folder() / TABLES[name]) for name in ("flights", "airports"))
    few = flights[flights["arr_delay"].notna() & flights["month"].isin([2, 7]) & flights["day"].isin([3, 4])]
    return few.reset_index(drop=True), airports


def test_what_it_found(tmp_path, monkeypatch, capsys):
    """On all real flights: rules win at a precision over 90 % and find every delay that contradicts its clock."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    label_audit.main()
    found = read_json(tmp_path / "5_reports" / "labels.json", "")
    rules, cleanlab = found["trials"]["rules"], found["trials"]["cleanlab"]
    assert found["winner"] == "rules"
    assert rules["precision"] > 0.9
    assert cleanlab["precision"] < 0.7
    assert rules["recall"] > 0.4
    assert rules["recall_by_kind"]["delay alone"] == 1.0
    assert found["by_rule"]["schedule plus delay is not the clock's time"] == 0
    assert 200 < found["suspects"] < 300
    listed = pd.read_csv(tmp_path / "5_reports" / "labels.csv")
    assert len(listed) == found["suspects"]
    assert "2013-02-20-UA-1276-EWR" in set(listed["flight_id"])  # its aircraft left again four hours before it arrived
    assert "Taken: rules" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("arr_delay", 1000, label_audit.clocks_disagree),
        ("dep_delay", 1000, label_audit.clocks_disagree),
        ("air_time", 1, label_audit.too_fast),
        ("air_time", 900, label_audit.ground_time_impossible),
    ],
)
def test_a_broken_record_breaks_its_rule(tables, column, value, rule):
    """One planted cell is found, and nothing else in a day without mistakes."""
    source, airports = tables
    quiet = source[source["carrier"] == "B6"].head(200).reset_index(drop=True)
    assert not label_audit.by_rules(label_audit.legs(quiet, airports)).any()
    broken = quiet.copy()
    broken.loc[7, column] = value
    assert np.flatnonzero(rule(label_audit.legs(broken, airports))).tolist() == [7]


def test_an_aircraft_is_in_one_place(tables):
    """Planted: an aircraft's record says that it left New York again while it was still under way."""
    source, airports = tables
    two = source[(source["month"] == 2) & (source["day"] == 3) & (source["dest"] == "LAX")].head(2)
    two = two.assign(tailnum="N00001").reset_index(drop=True)
    flights = label_audit.legs(two, airports)
    assert label_audit.gone_before_arrival(flights).sum() == 1


def test_a_method_that_cries_wolf_does_not_win():
    """More found at a low precision loses against less found at a high one; if none is precise, precision decides."""
    sure, loud = label_audit.Trial(0.95, 0.4, {}), label_audit.Trial(0.4, 0.9, {})
    assert label_audit.best({"sure": sure, "loud": loud}) == "sure"
    assert label_audit.best({"a": label_audit.Trial(0.5, 0.1, {}), "loud": loud}) == "a"
