"""Rows belong to the local day of their event."""

from flights.config import Settings
from flights.dataset import EVENT_TIME
from pipelines.rows import labelled_rows, local_days


def test_days_are_local(trained, monkeypatch):
    """An evening flight belongs to the day on the wall in New York, not to the next one in UTC."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    rows = labelled_rows(Settings(), "holdout")
    assert rows[EVENT_TIME].dt.date.nunique() == len(set(local_days(rows))) + 1
