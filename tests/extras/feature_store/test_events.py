"""The offline table: one file for each kind, without what its declaration does not allow."""

import pytest

from extras.feature_store import events
from flights.artifacts import read_parquet
from tests.flights.extras.feature_views.days import source

pytestmark = pytest.mark.exhibit


@pytest.mark.parametrize(("column", "value"), [("wind_speed", 1048.0), ("temp", 400.0), ("humid", -1.0)])
def test_an_observation_out_of_range_is_left_out_and_counted(tmp_path, monkeypatch, capsys, column, value):
    """Planted: as in the source's February, an impossible value; the other events are written."""
    tables = source("month == 7 and day == 9")
    tables["weather"].loc[5, column] = value
    for name, file in events.TABLES.items():
        tables[name].to_csv(tmp_path / file, index=False)
    monkeypatch.setattr(events, "source_folder", lambda: tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    events.main()
    assert "rejected 1 by their declaration" in capsys.readouterr().out
    folder = tmp_path / "data" / "1_raw" / events.FOLDER
    assert len(read_parquet(folder / "weather.parquet", "")) == len(tables["weather"]) - 1
    assert len(read_parquet(folder / "timetable.parquet", "")) == len(tables["flights"])
