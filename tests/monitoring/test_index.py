from xml.etree import ElementTree

import pandas as pd
import pytest

from flights.config import Settings
from monitoring import index, report
from monitoring.findings import Findings, findings
from tests.monitoring.conftest import Logged

INTERVAL = {"value": 0.7, "low": 0.6, "high": 0.8}
SLICE = {"slice": "origin JFK", "metric": "roc_auc", "promised": INTERVAL, "now": 0.7, "kept": True}


@pytest.fixture
def found(logged: Logged) -> Findings:
    """A look at twelve clean days."""
    logged(last="2013-11-12")
    return findings(Settings())


def test_the_timeline_is_a_picture_of_its_own(found: Findings):
    """Well-formed SVG with every panel, and the promised range as a band behind the quality."""
    drawn = ElementTree.fromstring(report.alone(index.timeline(found, [])))
    text = " ".join(drawn.itertext())
    for panel in ("Quality", "Use", "Calibration", "Drift", "Label delay", "What to do", "Alarms"):
        assert panel in text
    low, high = index.band(found, "roc_auc")
    assert 0.5 < low < high < 1
    assert index.band(found, "no such metric") == (-float("inf"), float("inf"))


def test_slices_are_shown_where_they_broke_their_promise(found: Findings):
    """Kept ones are counted, the others named; without slices there is no table."""
    kept = type("Found", (), {"slice_promises": [SLICE]})
    assert index.slice_table(kept).startswith("<p>By slice, 1 of 1 figures are inside")
    broken = type(
        "Found", (), {"slice_promises": [SLICE, SLICE | {"slice": "origin <LGA>", "now": 0.5, "kept": False}]}
    )
    assert "1 of 2" in index.slice_table(broken)
    assert "origin &lt;LGA&gt;" in index.slice_table(broken)
    assert index.slice_table(type("Found", (), {"slice_promises": []})) == ""


def test_weeks_begin_on_monday():
    """The first of November 2013 was a Friday."""
    assert index.week_of(pd.Timestamp("2013-11-01")) == pd.Timestamp("2013-10-28")
