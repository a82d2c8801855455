"""The parts follow each other in time, and every outcome of one is known when the next begins."""

import itertools
from datetime import date, timedelta

import pandas as pd
import pytest

from flights.artifacts import read_json, read_parquet, sha256
from flights.config import AS_OF, GAP_DAYS, Settings
from flights.dataset import EVENT_TIME, KEY, OUTCOME, OUTCOME_TIME, ZONE
from pipelines import rows as rows_module
from pipelines import split

LIVE = date.fromisoformat(AS_OF)
PARTS = ["train", "validation", "holdout", "live"]


@pytest.fixture(scope="module")
def rows(collected) -> pd.DataFrame:
    """All valid rows."""
    return read_parquet(collected / "1_raw" / "valid.parquet", "", columns=[KEY, EVENT_TIME, OUTCOME_TIME])


@pytest.mark.parametrize("as_of", [LIVE, LIVE + timedelta(30), LIVE - timedelta(20)])
def test_every_outcome_is_known_before_the_next_part_begins(rows, as_of):
    """For the first training and for any later one."""
    parts = split.split(rows, as_of)
    assert list(parts) == PARTS
    for earlier, later in itertools.pairwise(PARTS):
        assert parts[earlier][OUTCOME_TIME].max() < parts[later][EVENT_TIME].min()


def test_without_a_gap_outcomes_would_leak(rows, monkeypatch):
    """Planted: with no gap, the last outcomes of a part are known on the first day of the next."""
    monkeypatch.setattr(rows_module, "GAP_DAYS", 0)
    parts = split.split(rows, LIVE)
    first_midnight = parts["validation"][EVENT_TIME].min().tz_convert(ZONE).normalize()
    assert parts["train"][OUTCOME_TIME].max() > first_midnight


@pytest.mark.exhibit
def test_parts_begin_on_local_midnight(rows):
    """A flight at 23:59 in New York belongs to its local day, though it is tomorrow in UTC."""
    parts = split.split(rows, date(2013, 11, 1))
    assert parts["live"][KEY].str[:10].min() == "2013-11-01"
    assert parts["holdout"][KEY].str[:10].agg(["min", "max"]).tolist() == ["2013-09-01", "2013-10-29"]
    assert parts["validation"][KEY].str[:10].agg(["min", "max"]).tolist() == ["2013-07-01", "2013-08-29"]
    assert parts["train"][KEY].str[:10].max() == "2013-06-28"


@pytest.mark.exhibit
@pytest.mark.parametrize(("as_of", "part"), [(date(2013, 3, 1), "train"), (date(2014, 2, 1), "the days before")])
def test_an_empty_part_is_refused(rows, as_of, part):
    """Too early there is nothing to learn from; too late what would be the newest months is old."""
    with pytest.raises(split.EmptyPart, match=rf"no rows for .*{part}.* as of {as_of}.*2013-01-01"):
        split.split(rows, as_of)


def test_today_nothing_is_live_yet(rows):
    """Trained on everything there is: the last part is empty, and that is no fault."""
    end = rows[EVENT_TIME].max().tz_convert(ZONE).date() + timedelta(1)
    parts = split.split(rows, end)
    assert parts["live"].empty
    assert parts["holdout"][EVENT_TIME].max().tz_convert(ZONE).date() == end - timedelta(GAP_DAYS + 1)
    assert "first" not in split.part_summary(parts["live"].assign(**{OUTCOME: 0.0}))


def test_the_manifest_describes_the_files(split_data, monkeypatch):
    """Digests and counts are those of the files next to it; a second run leaves the same bytes."""
    monkeypatch.setenv("DATA_DIR", str(split_data))
    folder = Settings().splits_dir
    before = {path.name: sha256(path) for path in folder.iterdir()}
    split.main()
    assert {path.name: sha256(path) for path in folder.iterdir()} == before
    for name, described in read_json(folder / "manifest.json", "")["parts"].items():
        part = read_parquet(folder / f"{name}.parquet", "")
        assert described["sha256"] == before[f"{name}.parquet"]
        assert described["rows"] == len(part)
        assert described["without_outcome"] == part[OUTCOME].isna().sum()
